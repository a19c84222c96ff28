"""`/v1/templates` with letters made of blocks."""

from typing import Any

import pytest

from tests.integration.api.gateway import Gateway
from tests.integration.conftest import Letters, Pump

HELLO: dict[str, Any] = {
    "title": "About a film",
    "category": "digest",
    "channels": ["email"],
    "default_locale": "en",
    "variables": {"film": {"type": "string"}},
    "sample": {"context": {"film": "Stalker"}, "user": {"name": "Anna"}},
    "documents": {
        "en": {
            "subject": "About {{ film }}",
            "preheader": "Tonight",
            "blocks": [
                {"kind": "heading", "text": "{{ film }}"},
                {"kind": "text", "text": 'Dear {{ user.name | "friend" }}, **tonight**.'},
                {"kind": "button", "label": "Watch", "url": "https://kino.example/1"},
            ],
        }
    },
}


def put(api: Gateway, **changes: Any) -> Any:
    return api.put("/v1/templates/hello", {**HELLO, **changes})


def document(**changes: Any) -> dict[str, Any]:
    return {"documents": {"en": {**HELLO["documents"]["en"], **changes}}}


def test_what_is_stored_is_read_again_and_may_be_stored_again(api: Gateway) -> None:
    stored = put(api).body
    told = api.get("/v1/templates/hello").body

    assert {**told, "findings": []} == stored
    assert (told["documents"], told["title"]) == (HELLO["documents"], "About a film")
    assert told["locales"] == {"en": {}}
    again = {name: one for name, one in told.items() if name not in ("key", "version")}
    assert api.put("/v1/templates/hello", again).body["version"] == 2


def test_a_letter_of_blocks_arrives_as_it_is_previewed(api: Gateway, pump: Pump, letters: Letters) -> None:
    put(api)
    recipient = {"email": "anna@example.com", "locale": "en"}
    api.post("/v1/notifications", {"template": "hello", "recipients": [recipient], "context": {"film": "Solaris"}})
    pump.run()
    parts = api.post("/v1/templates/hello/preview", {"locale": "en", "context": {"film": "Solaris"}, "user": {}}).body[
        "parts"
    ]

    assert [one["subject"] for one in letters()] == ["About Solaris"] == [parts["subject"]]
    assert "Dear friend, tonight." in parts["text"]
    assert "Dear friend, " in str(letters()[0]["body"])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        (document(subject=""), "documents.en.subject"),
        (document(subject="{{ nobody }}"), "documents.en.subject"),
        (document(blocks=[]), "documents.en.blocks"),
        (document(blocks=[{"kind": "poem", "text": "x"}]), "documents.en.blocks[0]"),
        (document(blocks=[{"kind": "picture", "url": "https://kino.example/1.png"}]), "documents.en.blocks[0].alt"),
        (document(blocks=[{"kind": "html", "html": "{% for %}"}]), "documents.en.blocks[0]"),
        (document(version=2), "documents.en.version"),
        ({"documents": {"en": []}}, "documents.en"),
        ({"locales": {"en": {"email.html": "<p>x</p>"}}}, "locales.en.email.html"),
        ({"title": "x" * 101}, "title"),
    ],
)
def test_a_letter_that_is_not_as_expected_is_refused_at_its_field(
    api: Gateway, changes: dict[str, Any], field: str
) -> None:
    refused = put(api, **changes)

    assert refused.status == 422
    assert field in [one["field"] for one in refused.body["errors"]]
    assert api.get("/v1/templates/hello").status == 404
