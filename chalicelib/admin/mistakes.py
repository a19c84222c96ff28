"""What is wrong, in the manager's language. Errors come from far below the pages and answer the API too, whose language
is English; here they are said again, by their English text.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from itertools import islice

from chalicelib.rendering.shipped import shipped_folder

_GAP = re.compile(r"\{(\w+)\}")
_PLACE = re.compile(": ")
_WORDS = frozenset({"state", "states", "role"})  # gaps that hold words of ours, not what somebody typed
_REASON = "why"  # a gap that holds another message
_PLACES = 4  # what may stand before a message: `locales.ru.email: `, `line 3: `
_LONGEST = 1000  # characters: a message that quotes more is not searched, which would take seconds


def told(message: str, *, locale: str, levels: int = _PLACES) -> str:
    """The message in a language; as it is where that is its own or nobody has said it so far. `levels`: how many
    messages may stand in one another, as what somebody typed may look like a thousand."""
    for start in (0, *(place.end() for place in islice(_PLACE.finditer(message), _PLACES))):
        said = _said(message[start:], locale, levels) if len(message) <= _LONGEST and levels else None
        if said is not None:
            return message[:start] + said
    return message


def _said(message: str, locale: str, levels: int) -> str | None:
    known = _known(locale)
    if message in known:
        return known[message]
    for pattern, text in _patterns(locale):
        found = pattern.fullmatch(message)
        if found is not None:
            return _filled(text, found.groupdict(), locale, levels)
    return None


def _filled(text: str, parts: Mapping[str, str], locale: str, levels: int) -> str:
    return _GAP.sub(lambda gap: _part(gap[1], parts[gap[1]], locale, levels), text)


def _part(name: str, part: str, locale: str, levels: int) -> str:
    if name in _WORDS:
        return re.sub(r"\w+", lambda word: _known(locale).get(word[0], word[0]), part)
    return told(part, locale=locale, levels=levels - 1) if name == _REASON else part


@cache
def _known(locale: str) -> Mapping[str, str]:
    path = shipped_folder() / "admin" / "words" / f"mistakes.{locale}.json"
    texts: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return texts


@cache
def _patterns(locale: str) -> list[tuple[re.Pattern[str], str]]:
    """The messages with gaps, `{name}`; those that say most go first."""
    with_gaps = sorted((key for key in _known(locale) if _GAP.search(key)), key=lambda key: -len(_GAP.sub("", key)))
    return [(_pattern(key), _known(locale)[key]) for key in with_gaps]


def _pattern(key: str) -> re.Pattern[str]:
    parts = [
        f"(?P<{part}>.*?)" if n % 2 else re.escape(part)  # text and names of gaps come in turn
        for n, part in enumerate(_GAP.split(key))
    ]
    return re.compile("".join(parts), re.DOTALL)
