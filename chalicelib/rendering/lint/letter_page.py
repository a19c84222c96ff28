"""Reads a letter's HTML into what rules look at: its elements, its links, and each piece of text with how it looks."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from html.parser import HTMLParser
from typing import NamedTuple

from chalicelib.rendering.lint.colours import Colour, colour_of
from chalicelib.rendering.lint.stylesheet import DarkRule, Marked, dark_rules, dark_style, declarations, sheets
from chalicelib.rendering.markup_check import VOID
from chalicelib.text import is_blank, without_ignorables

MAX_ELEMENTS = 10_000  # what comes after them is not looked at
_UNSEEN = frozenset({"head", "script", "style", "title"})
_NOTHING = {"display": "none", "visibility": "hidden", "opacity": "0", "font-size": "0", "max-height": "0"}


class Element(NamedTuple):
    """A start tag; `line` is that of the rendered HTML."""

    tag: str
    attributes: Mapping[str, str]
    style: Mapping[str, str]
    hidden: bool


class Look(NamedTuple):
    """How text looks; None where it is not known."""

    colour: Colour | None = None
    background: Colour | None = None
    dark_colour: Colour | None = None
    dark_background: Colour | None = None
    pixels: float | None = None
    bold: bool = False


class Passage(NamedTuple):
    """Text that readers see."""

    text: str
    look: Look


class PageLink(NamedTuple):
    """`text` is what can be seen of it, alternative texts of pictures included."""

    address: str
    text: str


class LetterPage(NamedTuple):
    """`preheader`: the hidden text before the first that is seen, which lists of letters show after the subject."""

    elements: Sequence[Element]
    links: Sequence[PageLink]
    pieces: Sequence[Passage]
    preheader: str
    css: str

    @property
    def pictures(self) -> list[Element]:
        return [one for one in self.elements if one.tag == "img"]

    @property
    def text(self) -> str:
        return " ".join(one.text for one in self.pieces)


class _Open(NamedTuple):
    tag: str
    marked: Marked
    look: Look
    hidden: bool


# What is checked as it is drafted is checked again as it is started, in two languages, by its sample and by its texts.
@lru_cache(maxsize=4)
def read_page(html: str) -> LetterPage:
    """Of a whole letter."""
    css = sheets(html)
    reader = _PageReader(dark_rules(css))
    reader.feed(html)
    reader.close()
    preheader = without_ignorables(" ".join(reader.preheader))
    seen = tuple(reader.elements), tuple(reader.links), tuple(reader.pieces)
    return LetterPage(*seen, " ".join(preheader.split()), css)


class _PageReader(HTMLParser):
    def __init__(self, rules: Sequence[DarkRule]) -> None:
        super().__init__(convert_charrefs=True)
        self._rules = rules
        self._open: list[_Open] = [_Open("", Marked("", frozenset()), Look(), hidden=False)]
        self._anchor: tuple[str, list[str]] | None = None
        self.elements: list[Element] = []
        self.links: list[PageLink] = []
        self.pieces: list[Passage] = []
        self.preheader: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if len(self.elements) >= MAX_ELEMENTS:
            return
        attributes = {name: value or "" for name, value in attrs}
        style = declarations(attributes.get("style", ""))
        inside = self._open[-1]
        hidden = inside.hidden or tag in _UNSEEN or "hidden" in attributes or _hides(style)
        self.elements.append(Element(tag, attributes, style, hidden))
        if tag == "a" and "href" in attributes:
            self._end_anchor()
            self._anchor = (attributes["href"], [])
        elif tag == "img" and self._anchor and not hidden:
            self._anchor[1].append(attributes.get("alt", ""))
        if tag not in VOID:
            marked = Marked(tag, frozenset(attributes.get("class", "").split()))
            dark = (
                dark_style(self._rules, marked, [one.marked for one in self._open[1:]], style) if self._rules else style
            )
            self._open.append(_Open(tag, marked, _look(tag, attributes, style, dark, inside.look), hidden))

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._end_anchor()
        for n in range(len(self._open) - 1, 0, -1):
            if self._open[n].tag == tag:
                del self._open[n:]
                return

    def handle_data(self, data: str) -> None:
        inside = self._open[-1]
        if any(one.tag in _UNSEEN for one in self._open) or is_blank(data):
            return
        if inside.hidden:
            if not self.pieces:
                self.preheader.append(data)
            return
        self.pieces.append(Passage(" ".join(data.split()), inside.look))
        if self._anchor:
            self._anchor[1].append(data)

    def close(self) -> None:
        super().close()
        self._end_anchor()

    def _end_anchor(self) -> None:
        if self._anchor:
            address, said = self._anchor
            self.links.append(PageLink(address, " ".join("".join(said).split())))
            self._anchor = None


def _hides(style: Mapping[str, str]) -> bool:
    return any(
        style.get(name, "x").split("!")[0].strip().removesuffix("px") == value for name, value in _NOTHING.items()
    )


def _look(
    tag: str, attributes: Mapping[str, str], style: Mapping[str, str], dark: Mapping[str, str], outer: Look
) -> Look:
    own, own_dark = _colour(tag, attributes, style), _colour(tag, attributes, dark)
    back, back_dark = _background(attributes, style), _background(attributes, dark)
    link = tag == "a" and "href" in attributes  # mail programs have a colour of their own for links
    weight = style.get("font-weight", "").split("!")[0].strip()
    return Look(
        _shown(own, None if link else outer.colour),
        _shown(back, outer.background),
        _shown(own_dark, None if link else outer.dark_colour),
        _shown(back_dark, outer.dark_background),
        _pixels(style.get("font-size", ""), outer.pixels),
        tag in ("b", "strong", "h1", "h2", "h3", "th") or outer.bold
        if not weight
        else weight in ("bold", "600", "700", "800", "900"),
    )


def _shown(own: str, inherited: Colour | None) -> Colour | None:
    word = own.split("!")[0].strip().lower()
    return inherited if word in ("", "inherit", "transparent", "none") else colour_of(word)


def _colour(tag: str, attributes: Mapping[str, str], style: Mapping[str, str]) -> str:
    return style.get("color", attributes.get("color", "") if tag == "font" else "")


def _background(attributes: Mapping[str, str], style: Mapping[str, str]) -> str:
    """With a picture on it, any word that is no colour."""
    if "url(" in style.get("background-image", "") or "background" in attributes:
        return "picture"
    return style.get("background-color") or attributes.get("bgcolor", "")


def _pixels(size: str, outer: float | None) -> float | None:
    word = size.split("!")[0].strip().lower()
    for unit, factor in (
        ("px", 1.0),
        ("pt", 4 / 3),
        ("rem", 16.0),
        ("em", outer or 16.0),
        ("%", (outer or 16.0) / 100),
    ):
        number = word.removesuffix(unit)
        if number != word and number.replace(".", "", 1).isdecimal():
            return float(number) * factor
    return outer
