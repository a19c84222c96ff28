"""Translates error phrases into the language of a page, by the compiled catalogues of `locale/`
(`infra/catalogues.py`)."""

from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Any

from chalicelib.errors import Phrase

CATALOGUES = Path(__file__).resolve().parent / "data" / "locale"
DOMAIN = "vestnik"
_OWN = "en"


def translated(text: str, *, locale: str) -> str:
    """A phrase in a language; anything else unchanged. Raises: FileNotFoundError: there is no such catalogue."""
    if not isinstance(text, Phrase):
        return text
    params: dict[str, Any] = {
        name: translated(one, locale=locale) if isinstance(one, str) else one for name, one in text.params.items()
    }
    catalogue = _catalogue(locale)
    if text.many is None:
        return catalogue.gettext(text.msgid).format(**params)
    return catalogue.ngettext(text.msgid, text.many, params["n"]).format(**params)


@cache
def _catalogue(locale: str) -> NullTranslations:
    if locale == _OWN:
        return NullTranslations()
    with (CATALOGUES / locale / "LC_MESSAGES" / f"{DOMAIN}.mo").open("rb") as file:
        return GNUTranslations(file)
