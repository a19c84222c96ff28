"""What an error says, in the language of a page: by the catalogues of `locale/`, compiled (`infra/catalogues.py`)."""

from collections.abc import Mapping
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Any, TypeVar

from chalicelib.errors import Phrase

CATALOGUES = Path(__file__).resolve().parent / "data" / "locale"
DOMAIN = "vestnik"
_Text = TypeVar("_Text", str, str | None)
_OWN = "en"


def translated(text: str, *, locale: str) -> str:
    """A phrase in a language, and whatever else as it is. Raises: FileNotFoundError: nobody speaks that language."""
    if not isinstance(text, Phrase):
        return text
    params: dict[str, Any] = {
        name: translated(one, locale=locale) if isinstance(one, str) else one for name, one in text.params.items()
    }
    catalogue = _catalogue(locale)
    if text.many is None:
        return catalogue.gettext(text.msgid).format(**params)
    return catalogue.ngettext(text.msgid, text.many, params["n"]).format(**params)


def stored(text: str | None) -> dict[str, Any] | None:
    """A phrase as JSON, to be kept beside its text; None for anything else."""
    if not isinstance(text, Phrase):
        return None
    params = {name: stored(one) if isinstance(one, Phrase) else one for name, one in text.params.items()}
    return {"msgid": text.msgid, **({"many": text.many} if text.many else {}), "params": params}


def restored(kept: Mapping[str, Any] | None, *, text: _Text) -> _Text | Phrase:
    """The phrase that was `stored` beside a text; the text where none was."""
    if kept is None:
        return text
    msgid, many = kept["msgid"], kept.get("many")
    params: dict[str, Any] = {
        name: restored(one, text="") if isinstance(one, Mapping) else one for name, one in kept["params"].items()
    }
    return Phrase.counted(msgid, many, **params) if many else Phrase(msgid, **params)


@cache
def _catalogue(locale: str) -> NullTranslations:
    if locale == _OWN:
        return NullTranslations()
    with (CATALOGUES / locale / "LC_MESSAGES" / f"{DOMAIN}.mo").open("rb") as file:
        return GNUTranslations(file)
