"""Final touches of a rendered part, and what makes a letter unsendable: an empty required part, or nothing to say."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.errors import Phrase, RenderError
from chalicelib.reasons import Reason
from chalicelib.rendering.calendar import finish_calendar
from chalicelib.rendering.model import Template
from chalicelib.text import is_blank, one_line

MAX_LINE_CHARS = 200  # mail programs show some 70 characters of a subject; longer ones are cut at a word
_LINES = frozenset({"subject", "title"})
_GAPS = re.compile(r"\n{3,}")


def finish(part: str, text: str) -> str:
    """A part as it is sent. A subject or title is always one line: a line break in a header is how another one is
    injected (RFC 5322 §2.2)."""
    if part in _LINES:
        return cut(one_line(text))
    if part == "calendar":
        return finish_calendar(text)
    return tidy(text) if part == "text" else text


def tidy(text: str) -> str:
    """Text without spaces at the ends of lines, with at most one empty line in a row and one line break at the end."""
    lines = "\n".join(line.strip(" \t") for line in text.split("\n"))
    return _GAPS.sub("\n\n", lines).strip() + "\n"


def overlong(made: Mapping[str, str]) -> list[str]:
    """The parts that `finish` would cut."""
    return [part for part, text in made.items() if part in _LINES and len(one_line(text)) > MAX_LINE_CHARS]


def cut(line: str) -> str:
    """A line of at most MAX_LINE_CHARS, cut between two words if possible."""
    if len(line) <= MAX_LINE_CHARS:
        return line
    head = line[: MAX_LINE_CHARS - 1]
    words, _, last = head.rpartition(" ")
    return f"{(words if words and len(last) < 40 else head).rstrip(' ,;:-–—')}…"


def require_content(parts: Mapping[str, str], required: Iterable[str]) -> None:
    """Raises: RenderError (permanent): a part that the letter needs is empty."""
    for part in required:
        if is_blank(parts[part]):
            raise RenderError(Reason(f"empty_{part}"), Phrase("the {part} is empty", part=part))


def require_something_to_say(template: Template, names: Mapping[str, Any]) -> None:
    """Raises: RenderError `nothing_to_say` (permanent for this letter): see `Meta.nothing_without`."""
    for path in template.nothing_without:
        if _is_empty(value_at(names, path)):
            raise RenderError(Reason.NOTHING_TO_SAY, Phrase("nothing to say: `{path}` is empty", path=path))


def missing_content(template: Template, context: Mapping[str, Any]) -> list[str]:
    """The context paths that leave the letter with nothing to say."""
    own = [path for path in template.nothing_without if not is_of_reader(path)]
    return [path for path in own if _is_empty(value_at(context, path))]


def is_of_reader(path: str) -> bool:
    """Whether its value is known only when the letter is made."""
    return path.partition(".")[0] == "user"


def value_at(names: Mapping[str, Any], path: str) -> Any:
    """The value at a path such as `film.title`; None if there is none."""
    found: Any = names
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _is_empty(value: Any) -> bool:
    return not value or _is_blank(value)


def _is_blank(value: Any) -> bool:
    """Whether there is nothing in it to show: `[{"title": " "}]` is as empty as `[]`."""
    if isinstance(value, str):
        return is_blank(value)
    if isinstance(value, Mapping):
        return all(map(_is_blank, value.values()))
    return all(map(_is_blank, value)) if isinstance(value, list | tuple) else value is None
