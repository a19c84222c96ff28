"""Refuses a Jinja block that opens an HTML element without closing it, or the other way round.

`{% if a %}<div class="x">{% else %}<div>{% endif %}` looks right and is not: an HTML parser sees both branches at once
and nests the second in the first. Reported early, it is one line to fix; sent, it is a broken letter.
"""

import re
from collections.abc import Callable, Sequence
from html.parser import HTMLParser

from chalicelib.errors import Phrase, RenderError
from chalicelib.reasons import Reason

VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
Shown = Callable[[str], tuple[str, Sequence[int]]]  # a text with its tags, and their lines
_KEYWORD = re.compile(r"\{%[-+]?\s*(\w+)")
_OPENING = frozenset({"call", "filter", "for", "if", "macro", "with"})


def check_nesting(html: str, *, shown: Shown) -> None:
    """`html` is serialised by a parser, with its Jinja tags hidden in comments that `shown` reveals. Raises:
    RenderError `syntax` (permanent)."""
    reader = _Reader(shown)
    reader.feed(html)
    reader.close()


class _Reader(HTMLParser):
    def __init__(self, shown: Shown) -> None:
        super().__init__()
        self._shown = shown
        self._serial = 0
        self._elements: list[int] = []
        self._blocks: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._serial += 1
        if tag not in VOID:
            self._elements.append(self._serial)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and self._elements:
            self._elements.pop()

    def handle_comment(self, data: str) -> None:
        tag, lines = self._shown(data)
        keyword = found[1] if (found := _KEYWORD.match(tag)) and tag != data else ""
        inside = self._elements[-1] if self._elements else 0
        if keyword in _OPENING or (keyword == "set" and "=" not in tag):
            self._blocks.append(inside)
        elif keyword in ("else", "elif") or keyword.startswith("end"):
            if self._blocks and self._blocks[-1] != inside:
                said = Phrase("`{tag}` stands in another HTML element than the tag it belongs to", tag=tag[:60])
                raise RenderError(Reason.SYNTAX, said, line=next(iter(lines), None))
            if keyword.startswith("end") and self._blocks:
                self._blocks.pop()
