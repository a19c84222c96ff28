"""Markdown of a text block as HTML: paragraphs, emphasis, links, lists and line breaks, and nothing else."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from chalicelib.errors import Phrase
from chalicelib.rendering.documents.merge_tags import MergeTag, Piece

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_RULES = ("emphasis", "escape", "link", "list", "newline")
_STYLED = frozenset({"paragraph_open", "bullet_list_open", "ordered_list_open"})
# Stand for Jinja's expressions while Markdown is read; to its rules they are letters.
_OPENS, _CLOSES = "\ue000", "\ue001"
_MARK = re.compile(rf"{_OPENS}(\d+){_CLOSES}")
_BRACES = re.compile(r"[{}]+")
_OURS = re.compile(f"[{_OPENS}{_CLOSES}]")


def html_of(pieces: Sequence[Piece], *, style: str, address: Callable[[list[Piece]], str]) -> str:
    """HTML with Jinja; `style` becomes a class of each paragraph, `address` makes a Jinja expression of a link's
    address. Raises: ValueError with a Phrase (permanent): an address that no letter may have, or nothing to read."""
    tags = [one for one in pieces if isinstance(one, MergeTag)]
    expressions = [one.expression() for one in tags]

    def keep(expression: str) -> str:
        expressions.append(expression)
        return _mark(len(expressions) - 1)

    numbers = iter(range(len(tags)))
    text = "".join(_OURS.sub("", one) if isinstance(one, str) else _mark(next(numbers)) for one in pieces)
    reader = _reader()
    tokens = reader.parse(text)
    if not tokens:
        raise ValueError(Phrase("expected a text that says something"))
    for token in tokens:
        if token.type in _STYLED and style != "normal":
            token.attrSet("class", style)
        for child in token.children or ():
            if child.type == "link_open":
                child.attrSet("href", keep(address(_pieces(str(child.attrGet("href")), tags))))
    html = reader.renderer.render(tokens, reader.options, {}).strip().replace("\n", " ")
    # Braces of the author's are text; to Jinja they would be its own.
    html = _BRACES.sub(lambda found: f'{{{{ "{found[0]}" }}}}', html)
    return _MARK.sub(lambda found: f"{{{{ {expressions[int(found[1])]} }}}}", html)


def _mark(number: int) -> str:
    return f"{_OPENS}{number}{_CLOSES}"


def _pieces(marked: str, tags: Sequence[MergeTag]) -> list[Piece]:
    parts = _MARK.split(marked)  # literals, with the number of a tag between two of them
    found: list[Piece] = [tags[int(one)] if n % 2 else one for n, one in enumerate(parts)]
    return [one for one in found if one]


@cache
def _reader() -> "MarkdownIt":
    # Imported late: only those who store letters read Markdown.
    from markdown_it import MarkdownIt

    class Reader(MarkdownIt):
        """Leaves addresses as they are written: `address` judges them."""

        def normalizeLink(self, url: str) -> str:  # noqa: N802 - the library's name
            return url

        def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802 - likewise
            return True

    return Reader("zero", {"breaks": True, "maxNesting": 20}).enable(list(_RULES))
