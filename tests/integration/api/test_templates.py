"""`/v1/templates`: read, write a new version, preview."""

from typing import Any

import pytest

from tests.integration.api.gateway import Gateway, stored_rows
from tests.integration.conftest import Letters, Pump

ANNA = {"email": "anna@example.com", "locale": "en"}
HELLO: dict[str, Any] = {
    "category": "digest",
    "channels": ["email"],
    "default_locale": "en",
    "variables": {"film": {"type": "string"}},
    "sample": {"context": {"film": "Stalker"}, "user": {"name": "Anna"}},
    "locales": {"en": {"email.subject": "About {{ film }}", "email.html": "<p>Dear {{ user.name }}: {{ film }}</p>"}},
}


def test_a_shipped_template_is_a_version_with_a_name(api: Gateway) -> None:
    told = api.get("/v1/templates/welcome").body

    assert (told["key"], told["version"][:8], sorted(told["locales"])) == ("welcome", "shipped-", ["en", "ru"])
    preview = api.post("/v1/templates/welcome/preview", {"version": told["version"]})
    assert preview.body == api.post("/v1/templates/welcome/preview", {"version": 0}).body


def test_every_put_is_a_new_version(api: Gateway) -> None:
    assert [api.put("/v1/templates/hello", HELLO).body["version"] for _ in range(2)] == [1, 2]
    assert api.get("/v1/templates/hello").body["locales"] == HELLO["locales"]


def test_a_stored_version_hides_the_shipped_template(api: Gateway) -> None:
    api.put("/v1/templates/promo", HELLO)

    assert api.get("/v1/templates/promo").body["category"] == "digest"


def test_a_letter_keeps_the_version_that_it_was_accepted_with(api: Gateway, pump: Pump, letters: Letters) -> None:
    api.put("/v1/templates/hello", HELLO)
    api.post("/v1/notifications", {"template": "hello", "recipients": [ANNA], "context": {"film": "Solaris"}})
    locales = {"en": {**HELLO["locales"]["en"], "email.subject": "Another {{ film }}"}}
    api.put("/v1/templates/hello", {**HELLO, "locales": locales})
    pump.run()

    assert [letter["subject"] for letter in letters()] == ["About Solaris"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"category": "spam"}, "category"),
        ({"default_locale": "ru"}, "body"),
        ({"locales": {}}, "locales"),
        ({"locales": {"en": {"email.subject": "{{ film", "email.html": "x"}}}, "locales.en.email"),
        ({"locales": {"en": {"email.subject": "{{ films }}", "email.html": "x"}}}, "locales.en.email"),
        ({"locales": {"en": {"email.subject": "x"}}}, "locales.en.email"),
        ({"sample": {"context": {}}}, "sample.context.film"),
        ({"variables": {"film": {"type": "poem"}}}, "variables.film.type"),
        ({"channels": ["pigeon"]}, "channels"),
        ({"version": 5}, "version"),
    ],
)
def test_a_template_that_fails_its_check_is_not_stored_and_the_place_is_named(
    api: Gateway, changes: dict[str, Any], field: str
) -> None:
    reply = api.put("/v1/templates/hello", {**HELLO, **changes})

    assert reply.status == 422
    assert reply.bad_fields[0].startswith(field), reply.bad_fields
    assert stored_rows() == []


@pytest.mark.parametrize("key", ["Hello", "a b", "_layout", "x" * 65])
def test_a_key_that_cannot_be_a_folder_is_refused(api: Gateway, key: str) -> None:
    reply = api.put(f"/v1/templates/{key}", HELLO)

    assert (reply.status, reply.bad_fields) == (422, ["key"])


def test_a_preview_renders_the_sample_and_sends_nothing(api: Gateway, letters: Letters) -> None:
    told = api.post("/v1/templates/welcome/preview", {"locale": "ru"}).body

    assert (told["locale"], sorted(told["parts"])) == ("ru", ["html", "subject", "text"])
    assert (letters(), stored_rows()) == ([], [])


def test_a_preview_can_be_of_ones_own_context_and_user(api: Gateway) -> None:
    api.put("/v1/templates/hello", HELLO)

    told = api.post("/v1/templates/hello/preview", {"context": {"film": "<b>"}, "user": {"name": "Пётр"}}).body

    assert told["parts"]["subject"] == "About <b>"
    assert "Dear Пётр: &lt;b&gt;" in told["parts"]["html"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"channel": "sms"}, "channel"),
        ({"context": {}}, "context.film"),
        ({"context": {"film": "a\nb"}}, "context"),
        ({"version": -1}, "version"),
        ({"user": {"name": {"a": {}}, "x": []}, "colour": "red"}, "colour"),
    ],
)
def test_a_preview_that_cannot_be_made_names_the_field(api: Gateway, body: dict[str, Any], field: str) -> None:
    api.put("/v1/templates/hello", HELLO)

    reply = api.post("/v1/templates/hello/preview", body)

    assert (reply.status, reply.bad_fields) == (422, [field])


def test_a_preview_of_a_tower_is_refused(api: Gateway) -> None:
    tower: Any = 1
    for _ in range(600):
        tower = [tower]

    assert api.post("/v1/templates/welcome/preview", {"user": {"a": tower}}).status == 422


@pytest.mark.parametrize("path", ["/v1/templates/nothing", "/v1/templates/nothing/preview"])
def test_a_template_that_is_not_there_is_answered_404(api: Gateway, path: str) -> None:
    assert api.call("POST" if path.endswith("preview") else "GET", path, {}).status == 404


def test_a_version_that_is_not_there_is_answered_404(api: Gateway) -> None:
    assert api.post("/v1/templates/welcome/preview", {"version": 7}).status == 404
