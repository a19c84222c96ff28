"""`POST /v1/templates/{key}/check` and `POST /v1/campaigns/{id}/check`."""

from typing import Any

import pytest

from chalicelib.accounts.api_keys import Scope
from chalicelib.storage.rows.configuration import TemplateRow
from tests.integration.api.gateway import Gateway, gateway
from tests.integration.used_up import use_up

HELLO: dict[str, Any] = {
    "category": "digest",
    "channels": ["email"],
    "default_locale": "en",
    "variables": {"film": {"type": "string"}, "url": {"type": "url"}},
    "sample": {"context": {"film": "Stalker", "url": "https://kino.example/7"}},
    "locales": {
        "en": {
            "email.subject": "About {{ film }}",
            "email.html": '<preheader>Tonight</preheader>\n<p>Hello</p>\n<p><a href="{{ url }}">{{ film }}</a></p>',
        }
    },
}
BAD = '<html><body><img src="data:image/gif;base64,R0"><a href="javascript:a">a</a></body></html>'


def with_html(html: str) -> dict[str, Any]:
    return {**HELLO, "locales": {"en": {**HELLO["locales"]["en"], "email.html": html}}}


def found(body: dict[str, Any]) -> set[tuple[str, str]]:
    return {(one["severity"], one["code"]) for one in body["findings"]}


def test_a_template_with_what_readers_must_not_get_is_not_stored_and_each_mistake_has_its_place(api: Gateway) -> None:
    reply = api.put("/v1/templates/hello", with_html(BAD))

    assert (reply.status, set(reply.bad_fields)) == (422, {"locales.en.email.html"})
    assert len(reply.bad_fields) == 3  # no link to unsubscribe, and two addresses
    assert api.get("/v1/templates/hello").status == 404


def test_a_stored_template_is_answered_with_its_warnings(api: Gateway) -> None:
    assert api.put("/v1/templates/hello", HELLO).body["findings"] == []
    reply = api.put("/v1/templates/hello", with_html("<p>Lorem ipsum</p>"))

    assert (reply.status, found(reply.body)) == (
        200,
        {("warning", "preheader_missing"), ("warning", "placeholder_text")},
    )
    assert "findings" not in api.get("/v1/templates/hello").body
    assert api.put("/v1/templates/hello", {**HELLO, "findings": reply.body["findings"]}).status == 200


def test_a_draft_is_checked_and_not_stored(api: Gateway) -> None:
    reply = api.post("/v1/templates/hello/check", {"draft": with_html(BAD)})

    assert reply.status == 200
    assert {("error", "unsubscribe_link_missing"), ("error", "unsafe_address")} < found(reply.body)
    assert {one["locale"] for one in reply.body["findings"]} == {"en"}
    assert (reply.body["pictures_bytes"], reply.body["spam"]) == (None, None)
    assert len(BAD) <= reply.body["size_bytes"] < 1_000
    assert api.get("/v1/templates/hello").status == 404


def test_a_draft_that_cannot_be_rendered_says_so_at_its_place(api: Gateway) -> None:
    reply = api.post("/v1/templates/hello/check", {"draft": with_html("<p>{{ nobody }}</p>")})

    wrong = {(one["code"], one["place"]) for one in reply.body["findings"] if one["severity"] == "error"}
    assert wrong == {("template_mistake", "locales.en.email.html")}


def test_a_stored_version_can_be_checked(api: Gateway) -> None:
    api.put("/v1/templates/hello", with_html("<p>Hello</p>"))
    api.put("/v1/templates/hello", HELLO)

    assert found(api.post("/v1/templates/hello/check", {"version": 1}).body) == {("warning", "preheader_missing")}
    assert found(api.post("/v1/templates/hello/check", {}).body) == set()


def test_a_version_and_a_draft_are_one_too_many(api: Gateway) -> None:
    reply = api.post("/v1/templates/hello/check", {"version": 1, "draft": HELLO})

    assert (reply.status, reply.bad_fields) == (422, ["version"])


def test_who_may_only_read_templates_checks_no_draft(api: Gateway) -> None:
    reader = gateway(Scope.TEMPLATES_READ)

    assert reader.post("/v1/templates/welcome/check", {}).status == 200
    assert reader.post("/v1/templates/welcome/check", {"draft": HELLO}).status == 403


def test_a_campaign_is_checked_with_its_own_texts_in_each_language(api: Gateway) -> None:
    campaign = {
        "name": "c",
        "template": "promo",
        "audience": {"everyone": True},
        "context": {"headline": "ALL FILMS AT HALF PRICE", "text": "Lorem ipsum", "url": "http://kino.example/"},
        "locale": "en",
    }
    made = api.post("/v1/campaigns", campaign).body

    told = api.post(f"/v1/campaigns/{made['id']}/check", {}).body

    codes = {one["code"] for one in told["findings"]}
    assert codes >= {"subject_in_capitals", "placeholder_text", "insecure_address"}
    places = {one["place"] for one in told["findings"] if one["code"] == "insecure_address"}
    assert places == {"context.url"}
    assert {one["locale"] for one in told["findings"]} >= {"en", "ru"}


def test_a_template_from_before_the_rules_sends_what_was_begun_and_starts_nothing_new(api: Gateway) -> None:
    api.put("/v1/templates/hello", HELLO)
    row = TemplateRow.get("hello", 1)
    row.body = {**row.body, "locales": {"en": {**HELLO["locales"]["en"], "email.html": BAD}}}
    row.save()
    anna = {"email": "anna@example.com", "locale": "en"}
    context = HELLO["sample"]["context"]

    sent = api.post("/v1/notifications", {"template": "hello", "recipients": [anna], "context": context})
    started = api.post(
        "/v1/campaigns",
        {"name": "c", "template": "hello", "audience": {"everyone": True}, "context": context},
    )

    assert sent.status == 202
    assert (started.status, set(started.bad_fields)) == (422, {"template"})


@pytest.mark.parametrize(("what", "body"), [("check", {}), ("links", {"links": True})])
def test_a_key_that_checks_too_often_is_told_when_to_come_back(api: Gateway, what: Any, body: dict[str, Any]) -> None:
    use_up(what, id_of(api))

    refused = api.post("/v1/templates/welcome/check", body)

    assert (refused.status, int(refused.headers["retry-after"]) >= 1) == (429, True)


def id_of(api: Gateway) -> str:
    return str(api.key).split("_")[1]
