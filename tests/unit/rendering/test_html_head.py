"""The action that mail programs may offer: of the declaration alone, and whole JSON whatever is in the letter."""

import json
import re
from typing import Any

import pytest
from pydantic import ValidationError

from chalicelib.errors import RenderError
from tests.unit.rendering.letters import render, template

FILM = {"url": {"type": "url", "example": "https://a.example"}}
VIEW = {"kind": "view", "name": {"en": "Watch", "ru": "Смотреть"}, "url": "url"}
CONFIRM = {"kind": "confirm", "name": "Confirm", "url": "service.confirmation_url"}


def action_of(letter: Any, **options: Any) -> dict[str, Any] | None:
    html = render(letter, **options).parts["html"]
    found = re.findall(r'<script type="application/ld\+json">\n(.*)\n</script>\n</head>', html)
    assert len(found) == html.count("<script") <= 1
    return json.loads(found[0])["potentialAction"] if found else None


@pytest.mark.parametrize(("locale", "name"), [("en", "Watch"), ("ru-RU", "Смотреть"), ("de", "Watch")])
def test_a_letter_offers_to_see_what_it_is_about(locale: str, name: str) -> None:
    sources = {"email.subject": "a", "email.html": "<p>b</p>"}
    letter = template(variables=FILM, action=VIEW, locales={"en": sources, locale: sources})

    url = "https://a.example/film?a=1&b=2"
    assert action_of(letter, context={"url": url}, locale=locale) == {
        "@type": "ViewAction",
        "target": url,
        "url": url,
        "name": name,
    }


def test_a_letter_offers_to_confirm_an_address() -> None:
    found = action_of(template(action=CONFIRM), service={"confirmation_url": "https://a.example/s/x"})

    assert found is not None
    assert (found["@type"], found["name"]) == ("ConfirmAction", "Confirm")
    assert found["handler"] == {
        "@type": "HttpActionHandler",
        "url": "https://a.example/s/x",
        "method": "http://schema.org/HttpRequestMethod/GET",
    }


@pytest.mark.parametrize("url", [None, "", "javascript:alert(1)", "//a.example", 7])
def test_without_an_address_nothing_is_offered(url: object) -> None:
    letter = template(variables={"url": {"type": "string", "required": False, "example": ""}}, action=VIEW)
    assert action_of(letter, context={"url": url}) is None
    assert action_of(template()) is None


def test_no_value_ends_the_element_or_a_line() -> None:
    url = "https://a.example/</script><script>alert(1)</script>?a&b\u2028\u2029\"'\\"
    letter = template(variables={"url": {"type": "string", "example": ""}}, action=VIEW)

    found = action_of(letter, context={"url": url})
    assert found is not None
    assert found["url"] == url
    html = render(letter, {"url": url}).parts["html"]
    assert html.count("</script>") == 1
    assert "\u2028" not in html


def test_an_author_still_writes_no_script() -> None:
    markup = '<script type="application/ld+json">{}</script>'
    with pytest.raises(RenderError, match="not allowed"):
        render(template(html=markup, action=CONFIRM), service={"confirmation_url": "https://a.example"})


@pytest.mark.parametrize(
    "wrong",
    [
        {**VIEW, "kind": "buy"},
        {**VIEW, "name": ""},
        {**VIEW, "name": {"no language": "Watch"}},
        {**VIEW, "url": "https://a.example"},
        {**VIEW, "url": "nobodys.url"},
        {**VIEW, "icon": "x"},
    ],
)
def test_a_declaration_that_could_not_be_offered_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="action"):
        template(variables=FILM, action=wrong)
