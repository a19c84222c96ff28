"""Language tags (BCP 47), however they are written: `ru_RU`, `EN-us`, `zh-hans`. One normal form is stored and matched
from the exact to the general (RFC 4647 §3.4, "lookup")."""

import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, Field

from chalicelib.errors import Phrase
from chalicelib.text import Line

# `zh-yue`, `zh-cmn`: the spoken language says nothing about the script.
_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(?:(?<=zh)-[a-z]{3})?(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)"
    r"(?:-[a-z0-9](?:-[a-z0-9]{1,8})+)*"  # extensions, such as a calendar, which no letter uses
)
# Tags that IANA's registry has replaced, and Norwegian, whose tag means Bokmål in practice.
_NOW = {"iw": "he", "in": "id", "ji": "yi", "mo": "ro", "tl": "fil", "no": "nb", "sh": "sr"}
# A country alone implies its script (CLDR, "likely subtags").
_SCRIPT_OF = {"zh-TW": "zh-Hant", "zh-HK": "zh-Hant", "zh-MO": "zh-Hant", "zh-CN": "zh-Hans", "zh-SG": "zh-Hans"}


def normal_locale(text: str) -> str:
    """`ru-RU`, `zh-Hans`, `es-419`. What follows a dot or an @ (`ru_RU.UTF-8`) and extensions are dropped. Raises:
    ValueError (permanent; says what is expected)."""
    found = _TAG.fullmatch(re.split("[.@]", text.strip(), maxsplit=1)[0].replace("_", "-").lower())
    if found is None:
        raise ValueError(Phrase("expected a language tag such as ru, en-GB, zh-Hans or es-419"))
    language = _NOW.get(found["language"], found["language"])
    script, region = found["script"], found["region"]
    parts = [language, script.title() if script else "", region.upper() if region else ""]
    return "-".join(part for part in parts if part) + found["variants"]


@lru_cache(maxsize=1024)
def lookup(wanted: str) -> Sequence[str]:
    """The tags that satisfy a wish, best first: `zh-Hant-TW` → `zh-Hant-TW`, `zh-Hant`, `zh`. Text that is no tag
    yields only itself; never raises."""
    try:
        name = normal_locale(wanted)
    except ValueError:
        return (wanted,)
    found = [name]
    while "-" in name:
        if name in _SCRIPT_OF:
            found.append(_SCRIPT_OF[name])
        name = name.rpartition("-")[0]
        found.append(name)
    return tuple(found)


def speaks(locale: str, wanted: str) -> bool:
    """Whether a locale is the wanted one or a kind of it: `en-GB` is `en`, but `en` is not `en-GB` (RFC 4647 §3.3.1,
    "basic filtering")."""
    return wanted in lookup(locale)


def preferred(accept_language: str | None, written: Collection[str]) -> str | None:
    """The available language that a browser prefers (RFC 9110 §12.5.4); None if it accepts none of them."""
    wanted = []
    for n, part in enumerate((accept_language or "").split(",")[:20]):
        name, _, weight = part.strip().partition(";")
        wanted.append((-_weight(weight), n, name))
    return next((tag for weight, _, name in sorted(wanted) if weight for tag in lookup(name) if tag in written), None)


def _weight(text: str) -> float:
    try:
        return float(text.strip().removeprefix("q=")) if text else 1.0
    except ValueError:
        return 1.0  # an unreadable weight counts as none


Locale = Annotated[Line, Field(max_length=64, description="BCP 47", examples=["ru"]), AfterValidator(normal_locale)]
