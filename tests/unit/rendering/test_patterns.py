"""No pattern that reads a template, or what one makes, takes more steps than the text is long; a matcher counts."""

import importlib
import pkgutil
import re
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

import chalicelib.rendering
from chalicelib.admin import letter_preview as admin_letters
from tests.unit.rendering.steps import Matcher

MOST_GROWTH = 2.3  # of twice as much; 4 would be quadratic
ENDS_THE_WORK = frozenset({"open", "unclosed"})  # the first of them is an error


@pytest.fixture(autouse=True)
def deep_enough() -> Iterator[None]:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(30_000)
    yield
    sys.setrecursionlimit(limit)


def modules() -> Iterator[ModuleType]:
    for one in pkgutil.iter_modules(chalicelib.rendering.__path__):
        yield importlib.import_module(f"chalicelib.rendering.{one.name}")
    yield importlib.import_module("chalicelib.text")
    yield admin_letters


PATTERNS = {
    f"{module.__name__.removeprefix('chalicelib.')}.{name}": pattern
    for module in modules()
    for name, pattern in vars(module).items()
    if isinstance(pattern, re.Pattern)
}
PUMPS = [
    *(
        "<",
        "</",
        "<a ",
        "<a b='",
        '<a b="',
        "<a b=",
        "<a / ",
        "<!--",
        "--",
        "--!",
        "<style>",
        "<style ",
        "</style ",
        "<title>",
    ),
    *("</title ", "<body ", "<tbody ", "<preheader>", "</preheader> ", "<p style = ", "<?", "<!a"),
    *(
        " ",
        "\t",
        "\n",
        " \n",
        "\n ",
        '"',
        "'",
        "\\",
        "/*",
        "url(",
        "(",
        "()",
        "[",
        "{",
        "}",
        ":",
        "--\ufdd0",
        "\ufdd01",
    ),
    *(
        "https://",
        "http://a/",
        "a.",
        "1",
        "e1",
        "_",
        "\u2066",
        "\u2066\u2069",
        "\u200b",
        "\xa0",
        "\xa0 ",
        "\r",
        "{% ",
        "{%-",
    ),
]


def steps(pattern: re.Pattern[str], text: str) -> int:
    return Matcher(pattern, text).scan(ENDS_THE_WORK)


def growth(pattern: re.Pattern[str]) -> dict[str, float]:
    """The pumps that cost more than they are long, after anything that opens what they may stand in."""
    found = {}
    for opening in ("", "<style>", "x"):
        for pump in PUMPS:
            less, more = (steps(pattern, opening + pump * count) for count in (25, 50))
            if more / less > MOST_GROWTH:
                found[f"{opening}{pump}…"] = more / less
    return found


@pytest.mark.parametrize("name", PATTERNS)
def test_no_pattern_takes_more_steps_than_a_text_is_long(name: str) -> None:
    assert growth(PATTERNS[name]) == {}


@pytest.mark.parametrize(
    ("pattern", "pump"),
    [
        (r"<preheader>(.*?)</preheader>\s*", "<preheader>"),
        (r"[ \t]*\n[ \t]*", " "),
        (r"</?tbody[^>]*>", "<tbody "),
        (r"(?:a+)+b", "a"),
        (r"\s*x|y", " "),
    ],
)
def test_the_count_sees_a_pattern_that_takes_more(pattern: str, pump: str) -> None:
    compiled = re.compile(pattern, re.DOTALL)

    assert steps(compiled, pump * 12) / steps(compiled, pump * 6) > MOST_GROWTH


@pytest.mark.parametrize("name", PATTERNS)
def test_the_count_finds_what_the_pattern_finds(name: str) -> None:
    pattern = PATTERNS[name]
    for text in (
        "",
        " <a href='b'>c</a> ",
        "<!--a--><style>b{c:d}</style>",
        "a\n\n\nb",
        "{% if a %}",
        "\ufdd07\ufdd1",
        "a\xa0 b",
    ):
        found = next(pattern.finditer(text), None)
        assert (found is None) == (next(first_match(pattern, text), None) is None)


def first_match(pattern: re.Pattern[str], text: str) -> Iterator[int]:
    matcher = Matcher(pattern, text)
    for at in range(len(text) + 1):
        yield from matcher.ends_at(at)
