"""Pictures: what is read when they are not shown, and how wide they are."""

from collections.abc import Iterator

from chalicelib.errors import Phrase
from chalicelib.rendering.lint.letter_page import Element
from chalicelib.rendering.lint.model import Hit, LintedLetter

MOST_PIXELS = 600  # the width of a letter


def picture_without_alt(letter: LintedLetter) -> Iterator[Hit]:
    """Many read without pictures; `alt=""` is for those that only decorate."""
    for one in _pictures(letter):
        if "alt" not in one.attributes:
            yield Hit(
                Phrase("expected an alternative text (`alt`) for the picture {address}", address=_name(one)), _src(one)
            )


def link_without_text(letter: LintedLetter) -> Iterator[Hit]:
    """A link of a picture without an alternative text, or of nothing: a screen reader has nothing to say."""
    for address in dict.fromkeys(one.address for one in letter.page.links if not one.text):
        yield Hit(
            Phrase("expected a text, or a picture with an alternative text, in the link to {address}", address=address),
            address,
        )


def picture_without_width(letter: LintedLetter) -> Iterator[Hit]:
    """Outlook shows a picture as wide as its file is, whatever the style says."""
    for one in _pictures(letter):
        if not one.attributes.get("width", "").strip().removesuffix("%").isdecimal():
            yield Hit(
                Phrase(
                    "expected `width` for the picture {address}: Outlook shows it as wide as its file",
                    address=_name(one),
                ),
                _src(one),
            )


def wide_picture(letter: LintedLetter) -> Iterator[Hit]:
    """Wider than the letter."""
    for one in _pictures(letter):
        width = one.attributes.get("width", "").strip()
        if width.isdecimal() and int(width) > MOST_PIXELS:
            said = Phrase(
                "expected `width` up to {most} for the picture {address}", most=MOST_PIXELS, address=_name(one)
            )
            yield Hit(said, _src(one))


def _pictures(letter: LintedLetter) -> Iterator[Element]:
    return (one for one in letter.page.pictures if not one.hidden)


def _src(picture: Element) -> str:
    return picture.attributes.get("src", "")


def _name(picture: Element) -> str:
    return _src(picture).rpartition("/")[2][:60] or _src(picture)[:60] or "—"
