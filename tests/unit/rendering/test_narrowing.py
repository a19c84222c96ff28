"""What a new version of a template no longer takes."""

from typing import Any

import pytest

from chalicelib.rendering.checks import narrowed
from tests.unit.rendering.letters import template

STRING = {"type": "string"}
FILMS = {"type": "list", "fields": {"title": {"type": "string"}}}


@pytest.mark.parametrize(
    ("before", "after", "fields"),
    [
        ({"film": STRING}, {"film": STRING}, []),
        ({"film": STRING}, None, []),
        ({"film": STRING}, {"film": {"type": "string", "required": False}}, []),
        ({"film": STRING}, {"film": STRING, "year": {"type": "integer", "required": False}}, []),
        ({"year": {"type": "integer"}}, {"year": {"type": "number"}}, []),
        ({"link": {"type": "url"}}, {"link": STRING}, []),
        ({"film": STRING}, {}, ["variables.film"]),
        ({"film": STRING}, {"film": STRING, "year": {"type": "integer"}}, ["variables.year"]),
        ({"film": {"type": "string", "required": False}}, {"film": STRING}, ["variables.film"]),
        ({"film": STRING}, {"film": {"type": "url"}}, ["variables.film"]),
        (
            {"films": FILMS},
            {"films": {**FILMS, "fields": {"title": STRING, "year": STRING}}},
            ["variables.films.fields.year"],
        ),
        ({"films": {"type": "list"}}, {"films": FILMS}, ["variables.films.fields.title"]),
        ({"films": FILMS}, {"films": {"type": "list"}}, []),
        (None, {"film": STRING}, ["variables", "variables.film"]),
    ],
)
def test_whatever_would_be_refused_from_now_on_is_named(before: Any, after: Any, fields: list[str]) -> None:
    found = narrowed(template(variables=before), template(variables=after))

    assert [one.field for one in found] == fields


def test_a_channel_that_is_removed_is_named() -> None:
    found = narrowed(template(extra_channels=["sms"]), template())

    assert [(one.field, one.message) for one in found] == [("channels", "sms is removed")]


def test_what_may_not_be_empty_any_more_is_named_unless_it_is_the_readers_own() -> None:
    declared: dict[str, Any] = {"variables": {"film": STRING}, "sample": {"context": {"film": "Stalker"}}}
    found = narrowed(template(**declared), template(**declared, nothing_without=["film", "user.attributes.city"]))

    assert [(one.field, one.message) for one in found] == [("nothing_without", "film may not be empty now")]


def test_a_language_that_is_removed_is_named() -> None:
    sources = {"email.subject": "Hello", "email.html": "<p>Hello</p>"}
    found = narrowed(template(locales={"en": sources, "ru": sources}), template(locales={"en": sources}))

    assert [one.field for one in found] == ["locales.ru"]
