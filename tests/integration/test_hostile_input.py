"""Whatever is typed or sent: the answer says what is wrong with it, and is never one of ours that failed."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle, islice
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from chalice.local import RouteMatcher

from app import app  # noqa: TID251  (here is who calls it)
from chalicelib.accounts.managers import Role
from chalicelib.admin.views import REGISTERED
from chalicelib.api.declarations import ENDPOINTS, Route
from chalicelib.api.openapi import document
from tests.integration.admin.conftest import Visitor, signed_in
from tests.integration.admin.stocked import stocked
from tests.integration.api.gateway import Gateway, gateway, lambda_event
from tests.integration.conftest import a_stage
from tools.api_docs import example_body

HOSTILE = {
    "nothing": "",
    "a line break": "a\r\nSet-Cookie: x=y",
    "a zero": "a\x00b",
    "long": "😀" * 1100,
    "a large number": "9" * 400,
    "a digit that is no number": "²",
    "a path": "../../etc/passwd",
    "a script": "<script>alert(1)</script>{{ 7*7 }}${7*7}",
    "the last characters": "\ufffe\uffff\u2028\u0085",
    "a day that is none": "2026-02-31T25:61:00Z",
    "brackets": "[" * 3000,
    "a cursor": base64.urlsafe_b64encode(b'{"s":"0","k":{"id":{"S":""}}}').decode(),
}
LONGER = "я" * 140_000  # than any body
# Of the pages, each of which takes a while to draw: a value for every place and field, one after another.
WALKS = 3
_PLACE = re.compile(r"\{[^}]*\}")


@pytest.fixture(scope="module")
def whole_stage() -> Iterator[None]:
    """One stage for all that is sent: what a call leaves behind is there for the next."""
    with pytest.MonkeyPatch.context() as monkeypatch, a_stage(monkeypatch):
        yield


@pytest.fixture(scope="module")
def service(whole_stage: None) -> Gateway:
    return gateway()


@pytest.fixture(scope="module")
def boss(whole_stage: None) -> Visitor:
    stocked()
    return signed_in("boss", *Role)


def _filled(path: str, value: str) -> str:
    """The path with the value in each of its places; as the browser sends it, it is never empty there."""
    return _PLACE.sub(lambda _: value.replace("/", "-") or "-", path)


def _values(start: int) -> Iterator[str]:
    """The values round and round, so that each call and each field has others than the one before."""
    return islice(cycle(HOSTILE.values()), start % len(HOSTILE), None)


def _example(one: Route) -> Any:
    return example_body(document("")["paths"][one.path][one.method.lower()])


@pytest.mark.parametrize("one", ENDPOINTS, ids=lambda one: one.operation)
def test_no_value_in_a_call_breaks_it(service: Gateway, one: Route) -> None:
    """Promise G3: 4xx for bad input, in every place of every path, in every parameter and in every field of a body."""
    number, example = ENDPOINTS.index(one), _example(one)

    def send(path: str, body: Any, query: dict[str, Any]) -> None:
        reply = service.call(one.method, path, body, query=query)
        assert reply.status < 500, f"{one.method} {path} {query} {json.dumps(body)[:300]}: {reply.text}"

    for text in HOSTILE.values() if "{" in one.path else ():
        send(_filled(one.path, text), example, {})
    for name in one.query.model_fields if one.query else ():
        for text in HOSTILE.values():
            send(_filled(one.path, "u-1"), example, {name: text})
        send(_filled(one.path, "u-1"), example, {name: ["1", "2"]})
    values = _values(number)
    for body in _mutations(example):
        first, second, third = islice(values, 3)
        for wrong in first, second, third, [first], {second: third}, None:
            send(_filled(one.path, "u-1"), body(wrong), {})
    if example is not None:
        send(_filled(one.path, "u-1"), LONGER, {})
        for text in HOSTILE.values():
            send(_filled(one.path, "u-1"), text.encode(), {})


def _mutations(body: Any) -> Iterator[Callable[[Any], Any]]:
    """What puts a value in the place of each of the body's, one at a time."""
    if isinstance(body, dict):
        for name, value in body.items():
            for inner in _mutations(value):
                yield partial(lambda name, inner, other: {**body, name: inner(other)}, name, inner)
    elif isinstance(body, list):
        for n, value in enumerate(body):
            for inner in _mutations(value):
                yield partial(lambda n, inner, other: [*body[:n], inner(other), *body[n + 1 :]], n, inner)
    elif body is not None:
        yield lambda other: other


PAGES = [route for route in REGISTERED if not route.path.startswith(("/admin/account", "/admin/sign-out"))]


@pytest.mark.parametrize("walk", range(WALKS))
def test_no_value_breaks_a_page_of_the_managers(boss: Visitor, walk: int) -> None:
    """Promise G3: the same of every page, in every place of its address, and in every field that any form has."""
    fields = {
        name for one in PAGES if one.method == "GET" for name in _fields(boss.get(_filled(one.path, "promo")).text)
    }
    assert len(fields) > 30
    for number, route in enumerate(PAGES):
        values = _values(number * 5 + walk * 4)
        # The first time a form is empty.
        form = {name: next(values)[:3000] for name in sorted(fields - {"token"})} if walk else {}
        place = next(values)[:3000] if walk % 2 else "promo"
        address = _filled(route.path, place).replace("?", "%3F")
        if route.method == "GET":
            seen = boss.get(f"{address}?{urlencode({**form, 'cursor': next(values)[:3000]})}")
        else:
            seen = boss.post(address, **form)
        assert seen.status < 500, f"{route.method} {route.path} {walk}"
        if seen.status == 303 and "sign-in" in seen.headers["location"]:  # one of the forms signs out
            boss.cookies.update(signed_in(f"boss{walk}{number}", *Role).cookies)


def _fields(page: str) -> set[str]:
    return set(re.findall(r'name="([a-z_0-9]+)"', page))


@pytest.mark.parametrize("value", HOSTILE)
def test_no_value_breaks_a_page_of_readers(whole_stage: None, value: str) -> None:
    """Promise G3: links that were cut, changed or made up."""
    text = quote(HOSTILE[value][:3000].replace("/", "-") or "-", safe="")
    for path in ("/s/{}", "/unsubscribe/{}", "/preferences/{}"):
        for method in ("GET", "HEAD", "POST") if path != "/s/{}" else ("GET", "HEAD"):
            matched = RouteMatcher(list(app.routes)).match_route(path.format(text))
            form = urlencode({"everything": HOSTILE[value], "lang": HOSTILE[value]}).encode()
            head = {"content-type": "application/x-www-form-urlencoded", "accept-language": "x;q=y, ru"}
            event = lambda_event(method, matched, form, headers=head, query={"lang": [HOSTILE[value][:100], "ru"]})
            assert app(event, None)["statusCode"] < 500


def test_the_cases_that_were_found(boss: Visitor, service: Gateway) -> None:
    """Promise G3: a changed cursor, an empty form, a field of 131 KB, a line break in an address."""
    assert boss.post("/admin/campaigns/count").status < 500
    deep = {"base": "[" * 20_000, "seen": "x", "mine": "[" * 20_000}
    assert boss.post("/admin/settings/sender", address="a@cinema.example", base=deep["base"], seen="x").status < 500
    assert boss.post("/admin/settings/sender", **deep).status == 422
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
