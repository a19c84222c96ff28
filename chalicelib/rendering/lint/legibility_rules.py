"""Whether the letter can be read: its size, and the size and colours of its text."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from chalicelib.errors import Phrase
from chalicelib.rendering.lint.colours import Colour, contrast
from chalicelib.rendering.lint.letter_page import Look, Passage
from chalicelib.rendering.lint.model import Hit, LintedLetter
from chalicelib.rendering.lint.stylesheet import dark_rules

CLIPPED_BYTES = 102 * 1024  # Gmail shows no more of a letter's HTML
LEAST_PIXELS = 12
LEAST_CONTRAST, LEAST_CONTRAST_OF_LARGE = 4.5, 3.0  # WCAG 2.2, 1.4.3 (level AA)
_LARGE, _LARGE_IF_BOLD = 24, 18.66  # pixels


def clipped_by_gmail(letter: LintedLetter) -> Iterator[Hit]:
    """What follows 102 KB is hidden behind "View entire message", the link to unsubscribe too."""
    size = len(letter.html.encode())
    if size > CLIPPED_BYTES:
        kilobytes, most = -(-size // 1024), CLIPPED_BYTES // 1024
        yield Hit(Phrase("expected up to {most} KB of HTML, as Gmail shows: it has {size}", most=most, size=kilobytes))


def tiny_text(letter: LintedLetter) -> Iterator[Hit]:
    """Too small for phones."""
    small = [one for one in letter.page.pieces if one.look.pixels is not None and one.look.pixels < LEAST_PIXELS]
    if small:
        said = Phrase("expected letters of {least} px at least: “{text}” has {size}", least=LEAST_PIXELS,
                      text=_begin(small[0]), size=f"{small[0].look.pixels:g}")  # fmt: skip
        yield Hit(said, small[0].text)


class Faint(NamedTuple):
    """A piece of text in colours that can hardly be told apart."""

    piece: Passage
    colour: Colour
    background: Colour

    @property
    def ratio(self) -> float:
        return contrast(self.colour, self.background)


def low_contrast(letter: LintedLetter) -> Iterator[Hit]:
    """Where both colours are known."""
    for one in _faint((piece, piece.look.colour, piece.look.background) for piece in letter.page.pieces):
        said = Phrase(
            "expected a stronger contrast: “{text}” is {colour} on {background}, {ratio} to 1",
            text=_begin(one.piece),
            colour=one.colour,
            background=one.background,
            ratio=f"{one.ratio:.1f}",
        )
        yield Hit(said, one.piece.text)


def low_contrast_in_dark(letter: LintedLetter) -> Iterator[Hit]:
    """The same by the letter's own rules for dark mode."""
    if not dark_rules(letter.page.css):
        return
    for one in _faint((piece, piece.look.dark_colour, piece.look.dark_background) for piece in letter.page.pieces):
        said = Phrase(
            "expected a stronger contrast in dark mode: “{text}” is {colour} on {background}, {ratio} to 1",
            text=_begin(one.piece),
            colour=one.colour,
            background=one.background,
            ratio=f"{one.ratio:.1f}",
        )
        yield Hit(said, one.piece.text)


def _faint(pieces: Iterable[tuple[Passage, Colour | None, Colour | None]]) -> Iterator[Faint]:
    """The first piece in each such pair of colours."""
    seen = set[tuple[Colour, Colour]]()
    for piece, colour, background in pieces:
        if colour is None or background is None or (colour, background) in seen:
            continue
        one = Faint(piece, colour, background)
        if one.ratio < _least(piece.look):
            seen.add((colour, background))
            yield one


def _least(look: Look) -> float:
    pixels = look.pixels or 0
    large = pixels >= _LARGE or (look.bold and pixels >= _LARGE_IF_BOLD)
    return LEAST_CONTRAST_OF_LARGE if large else LEAST_CONTRAST


def _begin(piece: Passage) -> str:
    return piece.text if len(piece.text) <= 40 else f"{piece.text[:39]}…"
