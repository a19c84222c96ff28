"""What a check of a letter says, and what its rules look at."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from chalicelib.errors import FieldError, Phrase
from chalicelib.rendering.lint.letter_page import LetterPage
from chalicelib.rendering.lint.severity import Severity


class Finding(NamedTuple):
    """`place` is a path such as `locales.en.email.html`, `line` a line of the source there; `locale` is the language of
    the letter, None if it is about no single one."""

    code: str
    severity: Severity
    place: str
    message: Phrase
    line: int | None = None
    locale: str | None = None

    @property
    def mistake(self) -> FieldError:
        """As the mistakes of a template are told."""
        why = Phrase("line {n}: {why}", n=self.line, why=self.message) if self.line else self.message
        return FieldError(self.place, why)


class Hit(NamedTuple):
    """What a rule has found. `about` is a text of the letter by which its place in the sources can be found."""

    message: Phrase
    about: str = ""
    part: str = "html"


class LintedLetter(NamedTuple):
    """A rendered e-mail. `unsubscribe` is the link that it must show, None if it needs none; `cids` name its inline
    attachments, None where they are not known; `samples` are texts of the template's sample, which say nothing about
    its author's language."""

    locale: str
    subject: str
    html: str
    text: str
    page: LetterPage
    unsubscribe: str | None = None
    own_text: bool = False
    cids: Collection[str] | None = None
    samples: Sequence[str] = ()
