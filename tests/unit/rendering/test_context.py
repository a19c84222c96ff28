"""What a caller gives to a template is checked while the caller still listens."""

from typing import Any

import pytest

from chalicelib.errors import InvalidError, TooLargeError
from chalicelib.rendering.context import check_context
from chalicelib.rendering.model import Template
from tests.unit.rendering.letters import template

DECLARED = {
    "films": {"type": "list", "fields": {"title": {"type": "string"}, "year": {"type": "integer", "required": False}}},
    "url": {"type": "url", "required": False},
    "on": {"type": "date", "required": False},
    "price": {"type": "number", "required": False},
    "gift": {"type": "boolean", "required": False},
    "copy": {"type": "object", "required": False, "fields": {"json": {"type": "string"}}},
    "tags": {"type": "list", "required": False},
}


def declared() -> Template:
    return template(variables=DECLARED)


@pytest.mark.parametrize(
    "context",
    [
        {"films": []},
        {"films": [{"title": "a", "year": 1972, "more": 1}]},
        {"films": [], "url": "https://a.example/b?c=d"},
        {"films": [], "on": "2026-11-22"},
        {"films": [], "on": "2026-11-22T10:00:00+03:00"},
        {"films": [], "price": 1.5, "gift": True, "copy": {"json": "a"}, "tags": [1, "a", None]},
        {"films": [], "price": 1, "url": None},
        {"films": [], "url": "HTTPS://кино.рф:8443?a=b\\c#д"},
    ],
)
def test_a_good_context_is_accepted(context: dict[str, Any]) -> None:
    check_context(declared(), context)


@pytest.mark.parametrize(
    ("context", "field"),
    [
        ({}, "context.films"),
        ({"films": [{}]}, "context.films[0].title"),
        ({"films": [{"title": "a"}, {"title": 5}]}, "context.films[1].title"),
        ({"films": [{"title": "a", "year": "1972"}]}, "context.films[0].year"),
        ({"films": {}}, "context.films"),
        ({"films": [], "url": "javascript:alert(1)"}, "context.url"),
        ({"films": [], "url": "ftp://a.example"}, "context.url"),
        ({"films": [], "url": "https:/a.example/b"}, "context.url"),
        ({"films": [], "url": "https:a.example"}, "context.url"),
        ({"films": [], "url": "https://a.example\\@b.example/"}, "context.url"),
        ({"films": [], "url": "https://a.exa\nmple/b"}, "context.url"),
        ({"films": [], "url": "https://a.example/b\nc"}, "context.url"),
        ({"films": [], "on": "tomorrow"}, "context.on"),
        ({"films": [], "price": True}, "context.price"),
        ({"films": [], "gift": 1}, "context.gift"),
        ({"films": [], "copy": {}}, "context.copy.json"),
        ({"films": [], "flims": []}, "context.flims"),
        ({"films": [], "tags": [object()]}, "context.tags[0]"),
        ({"films": [], "copy": {1: "a"}}, "context.copy"),
    ],
)
def test_a_mistake_is_named_by_its_path(context: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidError) as caught:
        check_context(declared(), context)

    assert field in [one.field for one in caught.value.errors]


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InvalidError, match="copy, films, gift, on, price, tags, url"):
        check_context(declared(), {"films": [], "flims": []})


def test_a_template_that_declares_nothing_takes_anything() -> None:
    check_context(template(), {"any": {"thing": [1]}})


def test_a_template_that_declares_no_variable_takes_none() -> None:
    check_context(template(variables={}), {})
    with pytest.raises(InvalidError):
        check_context(template(variables={}), {"a": 1})


def test_a_context_is_bounded_in_depth_and_size() -> None:
    deep: dict[str, Any] = {}
    for _ in range(12):
        deep = {"a": deep}

    for context in (deep, {"a": "x" * 200_000}):
        with pytest.raises(TooLargeError):
            check_context(template(), context)
