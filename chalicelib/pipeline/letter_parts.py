"""What a letter's jobs say of the order of its channels, of its languages, and of where its outcomes are."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from chalicelib.configuration.setting_shapes import Mode
from chalicelib.deliveries import Spot
from chalicelib.errors import Phrase
from chalicelib.locales import lookup
from chalicelib.rendering.model import Template
from chalicelib.schemas import StrictModel
from chalicelib.text import shaped

Untranslated = Literal["default", "skip"]


def _placed(spot: str) -> str:
    Spot.of(spot, "")
    return spot


# What names a row: one that DynamoDB does not take would fail the reading of the whole chunk.
RowId = Annotated[str, shaped(r"^[0-9A-Za-z_-]{1,100}$", Phrase("expected up to 100 Latin letters, digits, _ and -"))]
SpotText = Annotated[RowId, AfterValidator(_placed)]


class LetterRoute(StrictModel):
    """How the channels of a letter follow each other (`setting_shapes.CategoryRoute`); `rule` describes it
    for people."""

    mode: Mode
    after_minutes: int | None = None
    rule: str


class LetterLanguages(StrictModel):
    """In which of its template's locales a campaign's letter has all of its texts (`written`), what is laid over its
    context in some (`texts`), and what readers of other languages get: their locale of the template with the context as
    it is (None), the default language, or nothing. `subjects` are instead of the template's, by locale."""

    written: tuple[str, ...]
    texts: Mapping[str, Mapping[str, Any]] = {}
    untranslated: Untranslated | None = None
    subjects: Mapping[str, str] = {}

    def leave_out(self, locale: str) -> bool:
        """Whether a reader of this language gets nothing."""
        return self.untranslated == "skip" and not any(one in self.written for one in lookup(locale))


def in_language(
    languages: LetterLanguages | None, template: Template, *wanted: str | None
) -> tuple[str, Mapping[str, Any]]:
    """The locale of a reader's letter, chosen as `Template.choose_locale` does, and what is laid over its context."""
    if languages is None:
        return template.choose_locale(*wanted), {}
    used = template.choose_locale(*wanted, among=languages.written if languages.untranslated else None)
    return used, languages.texts.get(used, {})
