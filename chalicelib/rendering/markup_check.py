"""Refuses HTML and CSS whose cost no budget could bound once they are parsed and inlined, and Jinja blocks that open an
HTML element without closing it, or vice versa.

`{% if a %}<div class="x">{% else %}<div>{% endif %}` looks right and is not: an HTML parser sees both branches at once
and nests the second in the first. Reported early, it is one line to fix; sent, it is a broken letter.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from html.parser import HTMLParser

from chalicelib.errors import Phrase, RenderError
from chalicelib.reasons import Reason

VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
Shown = Callable[[str], tuple[str, Sequence[int]]]  # a text with its tags, and their lines
_KEYWORD = re.compile(r"\{%[-+]?\s*(\w+)")
_OPENING = frozenset({"call", "filter", "for", "if", "macro", "with"})
MAX_OPEN_ELEMENTS = 250
MAX_REPEATED = 20_000
MAX_DECLARATIONS = 2_000
MAX_STYLED = 300_000

_TAG = re.compile(r"<(?P<closes>/?)(?P<name>[a-z][^\s/>]*+)", re.IGNORECASE)
# What HTML reopens in every later paragraph until closed ("reconstruct the active formatting elements").
_FORMATTING = frozenset(
    {"a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"}
)
_CLOSED_BY_OTHERS = VOID | frozenset(
    {"body", "colgroup", "dd", "dt", "head", "html", "li", "option", "p", "tbody", "td", "tfoot", "th", "thead", "tr"}
)
# Elements in which HTML parses tags by special rules. No mail program shows them.
_REFUSED = frozenset({"frameset", "iframe", "math", "noembed", "noframes", "noscript", "plaintext"}) | frozenset(
    {"script", "select", "svg", "template", "xmp"}
)
# CSS Syntax 3: what may contain braces, semicolons and commas without meaning.
_OPAQUE = re.compile(
    r"/\*.*?(?:\*/|\Z)|\"(?:\\.|[^\"\\\n])*+\"|'(?:\\.|[^'\\\n])*+'|(?<![\w-])url\(\s*+(?![\"'\s])[^()\\]*+\)",
    re.IGNORECASE | re.DOTALL,
)
_BRACKETS = re.compile(r"\([^()\[\]{};]*+\)|\[[^()\[\]{};]*+\]")
_DEEPEST = 4
_ODD = re.compile(r"[()\[\]\\\"']")


def check_nesting(html: str, *, shown: Shown) -> None:
    """`html` is serialised by a parser, with its Jinja tags hidden in comments that `shown` reveals. Raises:
    RenderError `syntax` (permanent)."""
    reader = _MarkupReader(shown)
    reader.feed(html)
    reader.close()


class _MarkupReader(HTMLParser):
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


def check_markup(html: str, styles: Iterable[str]) -> None:
    """`styles` are the rules of each style sheet of the HTML. Raises: RenderError `too_large` or `forbidden`
    (permanent)."""
    elements, declarations = _count_elements(html), sum(map(_applied, styles))
    _require(
        declarations <= MAX_DECLARATIONS, Phrase("the styles have over {most} declarations", most=MAX_DECLARATIONS)
    )
    # Each may apply to each element, where it is compared with all the others.
    said = Phrase(
        "{declarations} declarations of styles on {elements} HTML tags make over {most}",
        declarations=declarations,
        elements=elements,
        most=MAX_STYLED,
    )
    _require(declarations * elements <= MAX_STYLED, said)


def _count_elements(html: str) -> int:
    """Refuses those that HTML's parser would reopen or keep open too often."""
    elements, open_elements, formatting, repeated = 0, 0, 0, 0
    for tag in _TAG.finditer(html):
        name = tag["name"].lower()
        if name in _REFUSED:
            raise RenderError(Reason.FORBIDDEN, Phrase("`<{tag}>` is not allowed in letters", tag=name))
        step = -1 if tag["closes"] else 1
        elements += step > 0
        if name not in _CLOSED_BY_OTHERS:
            open_elements = max(open_elements + step, 0)
        if name in _FORMATTING:
            formatting = max(formatting + step, 0)
        repeated += formatting
        _require(
            open_elements <= MAX_OPEN_ELEMENTS,
            Phrase("over {most} HTML elements are open at once", most=MAX_OPEN_ELEMENTS),
        )
        _require(
            repeated <= MAX_REPEATED,
            Phrase("too many HTML elements such as `<b>` and `<a>` are open over too many others"),
        )
    return elements


def _applied(rules: str) -> int:
    """How many declarations the rules have, once for each selector; for rules that are hard to read, the most that they
    could have."""
    plain = _OPAQUE.sub("", rules)
    for _ in range(_DEEPEST):
        plain = _BRACKETS.sub("", plain)
    if _ODD.search(plain):
        return (rules.count(",") + 1) * (rules.count(";") + 1)
    blocks = [block.rpartition("{") for block in plain.split("}")]
    return sum((selectors.count(",") + 1) * (body.count(";") + 1) for selectors, _, body in blocks)


def _require(holds: bool, said: Phrase) -> None:
    if not holds:
        raise RenderError(Reason.TOO_LARGE, said)
