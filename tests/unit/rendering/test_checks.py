"""Every mistake of a template is said before it is saved."""

from typing import Any

import pytest
from pydantic import ValidationError

from chalicelib.manifest import CHANNELS
from chalicelib.rendering import checks
from chalicelib.rendering.checks import check
from tests.unit.rendering.letters import renderer, template

GOOD = {"email.subject": "a", "email.html": "<p>{{ x }}</p>"}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"locales": {"en": {"email.subject": "a"}}}, "locales.en.email"),
        ({"locales": {"en": GOOD, "ru": {**GOOD, "email.subject": "{{"}}}, "locales.ru.email.subject"),
        ({"locales": {"en": {**GOOD, "email.subject": "{{ y }}"}}}, "locales.en.email.subject"),
        ({"locales": {"en": {**GOOD, "email.subject": " "}}}, "locales.en.email.subject"),
        ({"locales": {"en": {**GOOD, "email.subject": "a" * 201}}}, "locales.en.email.subject"),
        ({"locales": {"en": {**GOOD, "email.htm": "a"}}}, "locales.en.email.htm"),
        ({"locales": {"en": GOOD}, "channels": ["email", "pigeon"]}, "channels"),
        ({"locales": {"en": GOOD}, "sample": {"context": {"x": 5}}}, "sample.context.x"),
        ({"locales": {"en": GOOD}, "sample": {}}, "sample.context.x"),
        ({"locales": {"en": GOOD, **{f"{a}{b}": GOOD for a in "abcdefgh" for b in "abcdefgh"}}}, "locales"),
        ({"locales": {"en": GOOD}, "channels": ["email", "email"]}, "channels"),
        ({"locales": {"en": {**GOOD, "email.text": "{{ x.y }}"}}}, "locales.en.email.text"),
    ],
)
def test_a_mistake_is_named_by_its_place(fields: dict[str, Any], field: str) -> None:
    letter = template(**{"variables": {"x": {"type": "string"}}, "sample": {"context": {"x": "a"}}, **fields})

    assert field in [one.field for one in check(letter, renderer=renderer(), channels=CHANNELS)]


def test_a_template_whose_letters_take_too_long_together_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "MAX_SECONDS", 0)

    assert [one.field for one in check(template(), renderer=renderer(), channels=CHANNELS)] == ["locales"]


def test_a_good_template_has_no_mistake() -> None:
    letter = template(
        html="{{ button(x, site.url) }}{% set y = x %}{{ y }}{% for i in range(2) %}{{ loop.index }}{% endfor %}",
        variables={"x": {"type": "string"}},
        sample={"context": {"x": "a"}},
    )

    assert check(letter, renderer=renderer(), channels=CHANNELS) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"default_locale": "fr"},
        {"key": "../secrets"},
        {"variables": {"user": {"type": "object"}}},
        {"variables": {"x": {"type": "string", "fields": {}}}},
        {"locales": {"en": {"email.html": "a" * 300_000}}},
        {"colour": "red"},
    ],
)
def test_a_template_that_makes_no_sense_cannot_be_made(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        template(**fields)
