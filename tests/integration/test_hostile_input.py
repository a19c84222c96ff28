"""Whatever is typed or sent: the answer says what is wrong with it, and is never one of ours that failed."""

import base64
import json
import re
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from chalice.local import RouteMatcher

from app import app  # noqa: TID251  (here is who calls it)
from chalicelib.admin.frame import REGISTERED
from chalicelib.api.endpoint import ENDPOINTS, Endpoint
from chalicelib.api.openapi import document
from chalicelib.control.managers import Role
from tests.integration.admin.conftest import signed_in
from tests.integration.admin.stocked import stocked
from tests.integration.api.gateway import Gateway, gateway, lambda_event
from tools.api_docs import example_body

HOSTILE = {
    "nothing": "",
    "a line break": "a\r\nSet-Cookie: x=y",
    "a zero": "a\x00b",
    "long": "😀" * 1100,
    "longer": "я" * 140_000,
    "a large number": "9" * 400,
    "a path": "../../etc/passwd",
    "a script": "<script>alert(1)</script>{{ 7*7 }}${7*7}",
    "the last characters": "\ufffe\uffff\u2028\u0085",
    "a day that is none": "2026-02-31T25:61:00Z",
    "brackets": "[" * 3000,
    "a cursor": base64.urlsafe_b64encode(b'{"s":"0","k":{"id":{"S":""}}}').decode(),
}

# Of the pages, each of which takes a while to draw.
TELLING = (
    "nothing",
    "a line break",
    "a large number",
    "the last characters",
    "a cursor",
)  # a browser's walk takes long


@pytest.fixture
def service(stage: None) -> Gateway:
    return gateway()


def _filled(path: str, value: str) -> str:
    """The path with the value in each of its places; as the browser sends it, it is never empty there."""
    while "{" in path:
        before, _, rest = path.partition("{")
        path = before + (value.replace("/", "-") or "-") + rest.partition("}")[2]
    return path


@pytest.mark.parametrize("value", HOSTILE)
def test_no_value_in_a_path_or_a_query_breaks_a_call(service: Gateway, value: str) -> None:
    """Promise G3: 4xx for bad input, in every place of every path and in every parameter."""
    text = HOSTILE[value]
    short = text[:3000]
    for one in ENDPOINTS:
        body = example_body_of(one)
        for query in _queries(one, short):
            path = _filled(one.path, short)
            reply = service.call(one.method, path, body, query=query)
            assert reply.status < 500, f"{one.method} {one.path} {query}: {reply.text}"


def _queries(one: Endpoint, text: str) -> list[dict[str, Any]]:
    names = list(one.query.model_fields) if one.query else []
    return [{}, *({name: text} for name in names), *({name: [text, "1"]} for name in names[:1])]


def example_body_of(one: Endpoint) -> Any:
    return example_body(document("")["paths"][one.path][one.method.lower()])


def _mutations(body: Any, text: str) -> list[Any]:
    """The body with each of its values made hostile, one at a time."""
    if isinstance(body, dict):
        return [{**body, name: other} for name, value in body.items() for other in _mutations(value, text)]
    if isinstance(body, list):
        return [[*body[:n], other, *body[n + 1 :]] for n, value in enumerate(body) for other in _mutations(value, text)]
    return [text, [text], {text: text}, None]


@pytest.mark.parametrize("value", HOSTILE)
def test_no_value_in_a_body_breaks_a_call(service: Gateway, value: str) -> None:
    """Promise G3: 4xx for bad input, in every field of every body."""
    text = HOSTILE[value]
    for one in ENDPOINTS:
        for body in _mutations(example_body_of(one), text):
            reply = service.call(one.method, _filled(one.path, "u-1"), body)
            assert reply.status < 500, f"{one.method} {one.path} {json.dumps(body)[:300]}: {reply.text}"


@pytest.mark.parametrize("value", TELLING)
def test_no_value_breaks_a_page_of_the_managers(stage: None, value: str) -> None:
    """Promise G3: the same of every page, in every place of its address, and in every field that any form has."""
    text = HOSTILE[value][:3000]
    stocked()
    boss = signed_in("boss", *Role)
    pages = [route for route in REGISTERED if not route.path.startswith(("/admin/account", "/admin/sign-out"))]
    fields = {
        name for one in pages if one.method == "GET" for name in _fields(boss.get(_filled(one.path, "promo")).text)
    }
    assert len(fields) > 30
    for route in pages:
        forms: list[dict[str, str]] = [{}, dict.fromkeys(sorted(fields - {"token"}), text)]
        for place, form in zip((text, "promo"), forms, strict=True):
            address = _filled(route.path, place).replace("?", "%3F")
            if route.method == "GET":
                seen = boss.get(f"{address}?{urlencode({**form, 'cursor': text})}")
            else:
                seen = boss.post(address, **form)
            assert seen.status < 500, f"{route.method} {route.path} {sorted(form)[:1]}"
        if boss.get("/admin/account").status != 200:  # one of the forms signs out
            boss = signed_in(f"boss{pages.index(route)}", *Role)


def _fields(page: str) -> set[str]:
    return set(re.findall(r'name="([a-z_0-9]+)"', page))


@pytest.mark.parametrize("value", HOSTILE)
def test_no_value_breaks_a_page_of_readers(stage: None, value: str) -> None:
    """Promise G3: links that were cut, changed or made up."""
    text = quote(HOSTILE[value][:3000].replace("/", "-") or "-", safe="")
    for path in ("/s/{}", "/unsubscribe/{}", "/preferences/{}"):
        for method in ("GET", "HEAD", "POST") if path != "/s/{}" else ("GET", "HEAD"):
            matched = RouteMatcher(list(app.routes)).match_route(path.format(text))
            form = urlencode({"everything": HOSTILE[value], "lang": HOSTILE[value]}).encode()
            head = {"content-type": "application/x-www-form-urlencoded", "accept-language": "x;q=y, ru"}
            event = lambda_event(method, matched, form, headers=head, query={"lang": [HOSTILE[value][:100], "ru"]})
            assert app(event, None)["statusCode"] < 500


def test_the_cases_that_were_found(stage: None, service: Gateway) -> None:
    """Promise G3: a changed cursor, an empty form, a field of 131 KB, a line break in an address."""
    boss = signed_in("boss", *Role)
    stocked()

    assert boss.post("/admin/campaigns/count").status < 500
    assert boss.get("/admin/look?back=%2Fadmin%2Fx%0D%0ASet-Cookie%3A+a%3Db").headers["location"].startswith("/")
    assert service.post("/v1/suppressions/import", {"csv": "x" * 131_100 + ",b"}).status == 422
    cursor = service.get("/v1/campaigns", limit="1").body["cursor"]
    assert cursor
    content = json.loads(base64.urlsafe_b64decode(cursor + "=="))
    changed = {**content, "k": {**content["k"], "id": {"S": "other"}}}
    for text in (json.dumps(changed), json.dumps({**content, "k": {"x": 1}}), "null", "[]"):
        bad = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        assert service.get("/v1/campaigns", cursor=bad).status == 422
        assert boss.get(f"/admin/campaigns?cursor={bad}").status < 500
