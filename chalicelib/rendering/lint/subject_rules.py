"""The subject and the line after it: all that is seen in a list of letters."""

from collections.abc import Iterator

from chalicelib.errors import Phrase
from chalicelib.rendering.lint.model import Hit, LintedLetter

SHOWN_CHARS = 60  # of a subject, on phones
_LOUD_LETTERS = 8  # from so many on capitals are no abbreviation


def long_subject(letter: LintedLetter) -> Iterator[Hit]:
    """Its end is not seen on phones."""
    if len(letter.subject) > SHOWN_CHARS:
        said = Phrase(
            "expected up to {most} characters, as phones show: it has {count}",
            most=SHOWN_CHARS,
            count=len(letter.subject),
        )
        yield Hit(said, part="subject")


def subject_in_capitals(letter: LintedLetter) -> Iterator[Hit]:
    """As spam is written."""
    letters = [one for one in letter.subject if one.isalpha() and one.lower() != one.upper()]
    if len(letters) >= _LOUD_LETTERS and sum(one.isupper() for one in letters) > 0.7 * len(letters):
        yield Hit(Phrase("expected small letters too: a subject in capitals looks like spam"), part="subject")


def exclamation_marks(letter: LintedLetter) -> Iterator[Hit]:
    """More than one."""
    if letter.subject.count("!") > 1:
        yield Hit(Phrase("expected one exclamation mark at most"), part="subject")


def preheader_missing(letter: LintedLetter) -> Iterator[Hit]:
    """Lists of letters then show how the letter begins."""
    if not letter.page.preheader:
        yield Hit(
            Phrase("expected a preheader: the line that lists of letters show after the subject"), part="preheader"
        )


def preheader_repeats_subject(letter: LintedLetter) -> Iterator[Hit]:
    """A second line that says nothing new."""
    if letter.page.preheader and letter.page.preheader.strip(" .!").lower() == letter.subject.strip(" .!").lower():
        yield Hit(Phrase("expected the preheader to say more than the subject"), part="preheader")
