"""Everything that `POST /v1/notifications` refuses: the bad field is named, nothing is stored, nothing is queued."""

import json
from typing import Any

import pytest

from tests.integration.api.gateway import PROBLEM, PROMO, Gateway, nothing_happened

ANNA = {"email": "anna@example.com"}
DEEP: dict[str, Any] = {"headline": "x", "text": "x", "url": "https://cinema.example/p"}


def nested(levels: int) -> Any:
    value: Any = "end"
    for _ in range(levels):
        value = [value]
    return value


BAD_FIELDS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "an unknown template": ({"template": "no-such"}, ["template"]),
    "a template that is a path": ({"template": "../promo"}, ["template"]),
    "no template": ({"template": None}, ["template"]),
    "an unknown channel": ({"channels": ["email", "pigeon"]}, ["channels[1]"]),
    "no channel": ({"channels": []}, ["channels"]),
    "an unknown category": ({"category": "spam"}, ["category"]),
    "an unknown lane": ({"lane": "fast"}, ["lane"]),
    "no recipients": ({"recipients": []}, ["recipients"]),
    "101 recipients": ({"recipients": [ANNA] * 101}, ["recipients"]),
    "recipients that are no list": ({"recipients": ANNA}, ["recipients"]),
    "a bad address": ({"recipients": [ANNA, {"email": "anna@"}]}, ["recipients[1].email"]),
    "an address with a line break": (
        {"recipients": [{"email": "anna@example.com\nBcc: b@example.com"}]},
        ["recipients[0].email"],
    ),
    "two addresses in one": ({"recipients": [{"email": "a@example.com, b@example.com"}]}, ["recipients[0].email"]),
    "an address with a name": ({"recipients": [{"email": "Anna <anna@example.com>"}]}, ["recipients[0].email"]),
    "an address that SES cannot write": ({"recipients": [{"email": "анна@example.com"}]}, ["recipients[0].email"]),
    "an address that is no text": ({"recipients": [{"email": 5}]}, ["recipients[0].email"]),
    "a recipient who is nobody": ({"recipients": [{}]}, ["recipients[0]"]),
    "a recipient who is two": ({"recipients": [{"user_id": "u-1", **ANNA}]}, ["recipients[0]"]),
    "a user with an own name": ({"recipients": [{"user_id": "u-1", "name": "Anna"}]}, ["recipients[0]"]),
    "a bad user id": ({"recipients": [{"user_id": "u 1"}]}, ["recipients[0].user_id"]),
    "a bad locale": ({"recipients": [{**ANNA, "locale": "russian"}]}, ["recipients[0].locale"]),
    "a bad time zone": ({"recipients": [{**ANNA, "timezone": "Mars/Olympus"}]}, ["recipients[0].timezone"]),
    "a name that shows as nothing": ({"recipients": [{**ANNA, "name": "\r\n\u200b\x00"}]}, ["recipients[0].name"]),
    "a subject that would be empty": ({"context": {**DEEP, "headline": " \u2028 "}}, ["context"]),
    "nothing to say": ({"template": "weekly-digest", "context": {"films": []}}, ["context.films"]),
    "attributes that are too deep": (
        {"recipients": [{**ANNA, "attributes": {"a": nested(400)}}]},
        ["recipients[0].attributes"],
    ),
    "attributes that are too large": (
        {"recipients": [{**ANNA, "attributes": {"a": "x" * 32_768}}]},
        ["recipients[0].attributes"],
    ),
    "an unknown field": ({"subject": "Hello"}, ["subject"]),
    "an unknown field of a recipient": ({"recipients": [{**ANNA, "phone": "+79261234567"}]}, ["recipients[0].phone"]),
    "a context that is no object": ({"context": [1]}, ["context"]),
    "a context that is too deep": ({"context": {**DEEP, "headline": nested(11)}}, ["context"]),
    "a context that is much too deep": ({"context": {**DEEP, "headline": nested(500)}}, ["context"]),
    "a context that is too large": ({"context": {**DEEP, "text": "я" * 66_000}}, ["context"]),
    "a missing variable": ({"context": {"headline": "x", "text": "x"}}, ["context.url"]),
    "an unknown variable": ({"context": {**DEEP, "discount": 5}}, ["context.discount"]),
    "a variable of another type": ({"context": {**DEEP, "headline": 5}}, ["context.headline"]),
    "a link that is a script": ({"context": {**DEEP, "url": "javascript:alert(1)"}}, ["context.url"]),
    "a time without an offset": ({"send_at": "2026-11-22T18:00:00"}, ["send_at"]),
    "a time that is a number": ({"send_at": 1795370400}, ["send_at"]),
    "a time that is a date": ({"expires_at": "2026-11-22"}, ["expires_at"]),
    "a day that does not exist": ({"send_at": "2026-02-31T18:00:00Z"}, ["send_at"]),
    "a time of the first century": ({"send_at": "0001-01-01T00:00:00+14:00"}, ["send_at"]),
    "a time at the end of time": ({"send_at": "9999-12-31T23:59:59-12:00"}, ["send_at"]),
    "an end before the beginning": (
        {"send_at": "2026-11-23T18:00:00Z", "expires_at": "2026-11-23T17:00:00Z"},
        ["body"],
    ),
    "several mistakes at once": (
        {"recipients": [{"email": "anna@"}, {"user_id": ""}], "lane": "fast"},
        ["recipients[0].email", "recipients[1].user_id", "lane"],
    ),
}

BAD_BODIES: dict[str, bytes] = {
    "no JSON": b"{template: promo}",
    "half of it": b'{"template": "promo"',
    "more after the end": b"{} {}",
    "a list": b"[]",
    "a text": b'"promo"',
    "null": b"null",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "not UTF-8": '{"template": "промо"}'.encode("cp1251"),
    "NaN": b'{"template": "promo", "context": {"a": NaN}}',
    "Infinity": b'{"template": "promo", "context": {"a": -Infinity}}',
    "a number that becomes infinite": b'{"template": "promo", "context": {"a": 1e400}}',
    "a number of 5000 digits": b'{"template": "promo", "context": {"a": ' + b"9" * 5000 + b"}}",
    "half of a surrogate pair": b'{"template": "promo", "context": {"headline": "\\ud83d"}}',
    "half of a surrogate pair in a name": b'{"template": "promo", "context": {"\\uDE00": 1}}',
    "a repeated name": b'{"template": "promo", "template": "welcome"}',
    "a repeated name inside": b'{"template": "promo", "context": {"a": 1, "a": 2}}',
    "a tower of brackets": b"[" * 100_000,
}


@pytest.mark.parametrize("case", BAD_FIELDS)
def test_a_bad_field_is_named_and_nothing_happens(api: Gateway, case: str) -> None:
    changes, fields = BAD_FIELDS[case]

    reply = api.post("/v1/notifications", {**PROMO, "recipients": [ANNA], **changes})

    assert (reply.status, reply.headers["content-type"]) == (422, PROBLEM)
    assert reply.bad_fields == fields
    assert nothing_happened()


@pytest.mark.parametrize("case", BAD_BODIES)
def test_a_body_that_is_not_a_plain_json_object_is_refused_and_nothing_happens(api: Gateway, case: str) -> None:
    reply = api.post("/v1/notifications", BAD_BODIES[case])

    assert (reply.status, reply.bad_fields) == (422, ["body"])
    assert nothing_happened()


def test_an_empty_body_lacks_every_required_field(api: Gateway) -> None:
    reply = api.post("/v1/notifications", b"")

    assert (reply.status, reply.bad_fields) == (422, ["template", "recipients"])
    assert nothing_happened()


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_lost_body_empties_nothing(api: Gateway, method: str) -> None:
    api.put("/v1/users/anna", {"name": "Anna"})

    reply = api.call(method, "/v1/users/anna")

    assert (reply.status, reply.bad_fields) == (422, ["body"])
    assert api.get("/v1/users/anna").body["name"] == "Anna"


def test_a_parameter_that_is_given_twice_is_refused(api: Gateway) -> None:
    reply = api.call("GET", "/v1/campaigns", query={"limit": ["x", "1"]})

    assert (reply.status, reply.bad_fields) == (422, ["limit"])


@pytest.mark.parametrize("until", [0, "2026-11-25", "1999-01-01T00:00:00Z"])
def test_a_time_is_rfc_3339_in_every_body(api: Gateway, until: object) -> None:
    reply = api.post("/v1/suppressions", {"address": "anna@example.com", "until": until})

    assert (reply.status, reply.bad_fields) == (422, ["until"])


@pytest.mark.parametrize("rate", [5e-324, 0, -1, 10_001])
def test_a_rate_that_no_campaign_can_have_is_refused(api: Gateway, rate: float) -> None:
    campaign = {"name": "Sale", "template": "promo", "audience": {"everyone": True}, "context": PROMO["context"]}

    reply = api.post("/v1/campaigns", {**campaign, "publish_per_second": rate})

    assert (reply.status, reply.bad_fields) == (422, ["publish_per_second"])


def test_a_body_over_256_kilobytes_is_answered_413(api: Gateway) -> None:
    body = json.dumps({**PROMO, "recipients": [ANNA]}).encode()

    reply = api.post("/v1/notifications", body.ljust(256 * 1024 + 1))

    assert (reply.status, reply.bad_fields) == (413, ["body"])
    assert nothing_happened()


def test_a_body_of_256_kilobytes_is_taken(api: Gateway) -> None:
    body = json.dumps({**PROMO, "recipients": [ANNA]}).encode()

    assert api.post("/v1/notifications", body.ljust(256 * 1024)).status == 202


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded"])
def test_another_content_type_is_answered_415_as_a_problem(api: Gateway, kind: str) -> None:
    reply = api.call("POST", "/v1/notifications", {**PROMO, "recipients": [ANNA]}, headers={"content-type": kind})

    assert (reply.status, reply.headers["content-type"]) == (415, PROBLEM)
    assert nothing_happened()


def test_a_content_type_may_name_its_charset(api: Gateway) -> None:
    headers = {"content-type": "application/json; charset=utf-8"}

    assert api.call("POST", "/v1/notifications", {**PROMO, "recipients": [ANNA]}, headers=headers).status == 202


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/v1/notifications"), ("POST", "/v1/users/u-1")])
def test_a_method_that_a_path_does_not_have_is_answered_405_as_a_problem(api: Gateway, method: str, path: str) -> None:
    reply = api.call(method, path, {})

    assert (reply.status, reply.headers["content-type"]) == (405, PROBLEM)
    assert reply.headers["allow"]


@pytest.mark.parametrize("key", ["", "x" * 256, "заказ-7", "line\nbreak"])
def test_an_idempotency_key_that_cannot_be_one_is_refused(api: Gateway, key: str) -> None:
    headers = {"idempotency-key": key}

    reply = api.call("POST", "/v1/notifications", {**PROMO, "recipients": [ANNA]}, headers=headers)

    assert (reply.status, reply.bad_fields) == (422, ["Idempotency-Key"])
    assert nothing_happened()


def test_an_idempotency_key_of_255_characters_is_taken(api: Gateway) -> None:
    headers = {"idempotency-key": "x" * 255}

    assert api.call("POST", "/v1/notifications", {**PROMO, "recipients": [ANNA]}, headers=headers).status == 202


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/notifications/{id}"),
        ("POST", "/v1/notifications/{id}/cancel"),
        ("GET", "/v1/users/{id}"),
        ("PATCH", "/v1/users/{id}"),
        ("DELETE", "/v1/users/{id}"),
        ("GET", "/v1/templates/{id}"),
    ],
)
def test_what_does_not_exist_is_answered_404_and_an_endless_id_422(api: Gateway, method: str, path: str) -> None:
    assert api.call(method, path.replace("{id}", "no-such"), {}).status == 404
    assert api.call(method, path.replace("{id}", "x" * 3000), {}).status == 422
