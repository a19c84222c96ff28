"""Whatever is typed or sent: the answer says what is wrong with it, and is never one of ours that failed."""

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from chalicelib.admin.frame import REGISTERED
from chalicelib.api.endpoint import ENDPOINTS, Endpoint
from chalicelib.api.openapi import document
from chalicelib.control.managers import Role
from tests.integration.admin.conftest import Visitor, signed_in
from tests.integration.admin.stocked import stocked
from tests.integration.api.gateway import Gateway, gateway
from tools.api_docs import example_body

HOSTILE = {
    "nothing": "",
    "a line break": "a\r\nSet-Cookie: x=y",
    "a zero": "a\x00b",
    "a space": " ",
    "long": "x" * 2100,
    "longer": "я" * 140_000,
    "a smile": "😀" * 70,
    "a negative number": "-1",
    "a large number": "9" * 400,
    "no number": "NaN",
    "a path": "../../etc/passwd",
    "a script": "<script>alert(1)</script>{{ 7*7 }}${7*7}",
    "the last characters": "\ufffe\uffff\u2028\u0085",
    "a day that is none": "2026-02-31T25:61:00Z",
    "brackets": "[" * 3000,
    "a cursor": base64.urlsafe_b64encode(b'{"s":"0","k":{"id":{"S":""}}}').decode(),
}


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


@pytest.mark.parametrize("value", HOSTILE)
def test_no_value_breaks_a_page_of_the_managers(stage: None, value: str) -> None:
    """Promise G3: the same of every page, field by field of what forms have."""
    text = HOSTILE[value][:3000]
    boss = signed_in("boss", *Role)
    fields = (
        *("name", "template", "campaign", "cursor", "channel", "address", "user", "id", "q", "since", "until", "queue"),
        *(
            "reason",
            "limit",
            "value",
            "text",
            "key",
            "rate_per_second",
            "kind",
            "state",
            "role",
            "list",
            "back",
            "when",
        ),
    )
    for route in REGISTERED:
        if "account" in route.path or "sign-out" in route.path:
            continue
        seen = _visit(boss, route.method, _filled(route.path, text), {}, {})
        assert seen < 500, f"{route.method} {route.path}: {seen}"
        seen = _visit(boss, route.method, _filled(route.path, "promo"), dict.fromkeys(fields, text), {"cursor": text})
        assert seen < 500, f"{route.method} {route.path} with its fields: {seen}"
        if boss.get("/admin/account").status != 200:
            boss = signed_in(f"boss{len(route.path)}{route.method.lower()}", *Role)


def _visit(boss: Visitor, method: str, path: str, form: dict[str, str], query: dict[str, str]) -> int:
    if method == "GET":
        return boss.get(f"{path.replace('?', '%3F')}?{urlencode({**form, **query})}").status
    return boss.post(path, **form).status


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
