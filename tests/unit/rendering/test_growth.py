"""What a hostile template costs grows no faster than the template: counted in lines and calls of Python while it is
checked, with the length of every text that a method is called on; never in seconds. What `re` does in C is counted by
`test_patterns.py`; what the inliner of CSS does is bounded before it is called (`rendering/markup_check.py`)."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from chalicelib.manifest import CHANNELS
from chalicelib.rendering import render_limits as budget
from chalicelib.rendering.checks import check
from tests.unit.rendering.letters import renderer, template

MOST_GROWTH = 2.3  # of twice as much; 4 would be quadratic


class Work:
    """Counts while it is entered."""

    def __init__(self) -> None:
        self.done = 0

    def __enter__(self) -> "Work":
        sys.setprofile(self._called)
        sys.settrace(self._traced)
        return self

    def __exit__(self, *_error: object) -> None:
        sys.settrace(None)
        sys.setprofile(None)

    def _traced(self, _frame: FrameType, _event: str, _arg: Any) -> Any:
        self.done += 1
        return self._traced

    def _called(self, frame: FrameType, event: str, called: Any) -> None:
        self.done += 1
        owner = getattr(called, "__self__", None) if event == "c_call" else None
        # Others' readers ask `startswith` and `find` at a place of a long text, which is no work.
        if isinstance(owner, str) and frame.f_globals["__name__"].startswith(("chalicelib", "tests")):
            self.done += len(owner) if called.__name__ not in ("startswith", "endswith") else 0


HOSTILE: dict[str, Callable[[int], str]] = {
    "preheaders that are never closed": lambda n: "<preheader>" * n + "x" * 30 * n,
    "preheaders": lambda n: "<preheader>a</preheader> " * n,
    "spaces": lambda n: "a" + " " * 40 * n + "b",
    "lines of spaces": lambda n: ("a" + " " * 40 + "\n") * n,
    "rules on tags": lambda n: "<style>" + "".join(f"p{{a{k}:b}}" for k in range(n)) + "</style>" + "<p>x</p>" * n,
    "selectors": lambda n: "<style>" + "p," * n + "p{" + "a:b;" * n + "}</style>" + "<p>x</p>" * n,
    "brackets in rules": lambda n: "<style>" + "(" * n + "</style>",
    "comments in rules": lambda n: "<style>" + "/*" * n + "</style>",
    "comments": lambda n: "<!--a-->" * n,
    "a comment that is never closed": lambda n: "<!--" * n,
    "a style that is never closed": lambda n: "<style>" + "</style " * n,
    "tags that are never closed": lambda n: "<a b='" * n,
    "attributes": lambda n: "<p " + "a = b " * n + ">x</p>",
    "open elements": lambda n: "<div>" * n,
    "open formatting": lambda n: "<p>" + "".join(f"<b id='{k}'>" for k in range(n)) + "</p>" + "<p>x</p>" * n,
    "links": lambda n: "<a href='https://cinema.example/a'>b</a>" * n,
    "links in links": lambda n: "<a href='b'><table><tr><td>" * n + "x",
    "skipped elements": lambda n: "<div data-text='skip'>" * n + "x",
    "list items": lambda n: "<ul>" + "<li>a" * n + "</ul>",
    "entities": lambda n: "&nbsp;&lt;" * n,
    "tags of Jinja": lambda n: "{{ 1 }}" * n,
    "tags of Jinja in attributes": lambda n: "<p title='{{ 1 }}'>a</p>" * n,
    "tags of Jinja in styles": lambda n: "<style>" + "p{a:{{ 1 }}}" * n + "</style>",
    "comments of Jinja": lambda n: "{# a #}" * n,
    "comments of Jinja that are never closed": lambda n: "{# " * n,
    "raw blocks": lambda n: "{% raw %}{{ a }}{% endraw %}" * n,
    "blocks": lambda n: "{% if 1 %}<p>a</p>{% endif %}" * n,
    "macros": lambda n: "".join(f"{{% macro a{k}() %}}b{{% endmacro %}}" for k in range(n)),
    "brackets": lambda n: "{{ " + "(" * n + " }}",
    "operators": lambda n: "{{ 1" + " + 1" * n + " }}",
    "filters": lambda n: "{{ 'a'" + "|upper" * n + " }}",
    "alternatives": lambda n: "{% if 1 %}" + "{% elif 1 %}a" * n + "{% endif %}",
    "items": lambda n: "{{ [" + "1, " * n + "1]|length }}",
    "digits": lambda n: "{{ " + "9" * 10 * n + " }}",
    "turns of a loop": lambda n: f"{{% for a in range({n}) %}}{{{{ a }}}}{{% endfor %}}",
    "text of a loop": lambda n: f"{{% for a in range({n}) %}}          <br>\n{{% endfor %}}",
}


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """To count takes far longer than to work."""
    monkeypatch.setattr(budget, "MAX_SECONDS", 1_000)


def work_of(part: str, source: str) -> int:
    sms = template(channels=["sms"], locales={"en": {"sms": source}})
    letter, maker = sms if part == "sms" else template(html=source), renderer()
    with Work() as work:
        check(letter, renderer=maker, channels=CHANNELS)
    return work.done


@pytest.mark.parametrize("shape", HOSTILE)
@pytest.mark.parametrize("part", ["html", "sms"])
@pytest.mark.usefixtures("patient")
def test_the_work_grows_no_faster_than_the_template(part: str, shape: str) -> None:
    """Or it is refused: what is over a limit costs less than what is just below."""
    make = HOSTILE[shape]
    work_of(part, make(9))  # what is loaded once

    less, more = (work_of(part, make(count)) for count in (110, 220))

    assert more / less < MOST_GROWTH, (less, more)


def test_the_work_counts_what_grows_faster() -> None:
    def done(count: int) -> int:
        with Work() as work:
            text = ""
            for _ in range(count):
                text = text.replace("b", "c") + "a"
        return work.done

    assert done(2_000) / done(1_000) > MOST_GROWTH
