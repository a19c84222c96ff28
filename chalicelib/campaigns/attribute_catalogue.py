"""Which attributes profiles really have, of which kind, and their most frequent values, for whoever writes a rule.

Whoever looks at an audience reads users anyway (`audience_look.py`): once a day what those have is kept. A value that
one person alone has is never kept.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from chalicelib.campaigns.operators import is_number, moment_of
from chalicelib.clock import Clock, parse_rfc3339, rfc3339
from chalicelib.storage.configuration import StoredSetting, find_setting, save_setting
from chalicelib.storage.users import Profile

_NAME = "audience_attributes"  # of the row; no setting of the site
_AGE = timedelta(days=1)
_KNOWN_FOR = timedelta(minutes=1)
_LEAST_PEOPLE = 2
_MOST_ATTRIBUTES, _MOST_VALUES = 60, 20
_LONGEST = 60
_DEEPEST = 3


class AttributeKind(StrEnum):
    """What an attribute holds, and so how it is compared."""

    TEXT = "text"
    LANGUAGE = "language"
    NUMBER = "number"
    DATE = "date"
    FLAG = "flag"


class Attribute(NamedTuple):
    """By its path in a rule; `values` are the most frequent ones, as text."""

    path: str
    kind: AttributeKind
    values: Sequence[str] = ()


OF_EVERY_PROFILE = (
    Attribute("locale", AttributeKind.LANGUAGE),
    Attribute("timezone", AttributeKind.TEXT),
    Attribute("email_confirmed", AttributeKind.FLAG),
)


class AttributeCatalogue:
    """Every method raises: UnavailableError (retryable)."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._known: tuple[datetime, list[Attribute]] | None = None

    def read(self) -> list[Attribute]:
        """Those of every profile first, then by name; as of a minute ago."""
        if self._known is None or self._clock() - self._known[0] > _KNOWN_FOR:
            self._known = self._clock(), self._read()
        return self._known[1]

    def _read(self) -> list[Attribute]:
        stored = find_setting(_NAME)
        known = {one.path: one for one in OF_EVERY_PROFILE}
        for path, (kind, values) in (stored.value if stored else {}).items():
            known[path] = Attribute(path, AttributeKind(kind), tuple(values))
        return list(known.values())

    def learn(self, profiles: Sequence[Profile]) -> None:
        """Keeps what these have, if that was not done for a day."""
        if not profiles:
            return
        stored, now = find_setting(_NAME), self._clock()
        if stored is not None and parse_rfc3339(stored.updated_at) > now - _AGE:
            return
        before = {path: Attribute(path, AttributeKind(kind), tuple(values))
                  for path, (kind, values) in (stored.value if stored else {}).items()}  # fmt: skip
        found = {one.path: one for one in attributes_of(profiles)}
        kept = sorted((before | found).values(), key=lambda one: (one.path not in found, one.path))[:_MOST_ATTRIBUTES]
        value = {one.path: [one.kind, list(one.values)] for one in sorted(kept)}
        version = (stored.version if stored else 0) + 1
        save_setting(_NAME, StoredSetting(value, version, rfc3339(now), "service"))
        self._known = None


def attributes_of(profiles: Iterable[Profile]) -> Iterator[Attribute]:
    """What these profiles have."""
    kinds: dict[str, Counter[AttributeKind]] = {}
    values: dict[str, Counter[str]] = {}
    for profile in profiles:
        own = {"locale": profile.locale, "timezone": profile.timezone}
        for path, value in (*own.items(), *_paths(profile.attributes)):
            kind = AttributeKind.LANGUAGE if path == "locale" else _kind(value)
            if kind is None:
                continue
            kinds.setdefault(path, Counter())[kind] += 1
            if kind in (AttributeKind.TEXT, AttributeKind.LANGUAGE) and len(str(value)) <= _LONGEST:
                values.setdefault(path, Counter())[str(value)] += 1
    for path, counted in kinds.items():
        frequent = values.get(path, Counter()).most_common(_MOST_VALUES)
        shared = sorted(value for value, people in frequent if people >= _LEAST_PEOPLE)
        yield Attribute(path, counted.most_common(1)[0][0], tuple(shared))


def _paths(attributes: Mapping[str, Any], prefix: str = "", depth: int = 1) -> Iterator[tuple[str, Any]]:
    for name, value in attributes.items():
        if isinstance(value, Mapping) and depth < _DEEPEST:
            yield from _paths(value, f"{prefix}{name}.", depth + 1)
        elif _is_nameable(name):
            yield f"{prefix}{name}", value


def _is_nameable(name: str) -> bool:
    return name.replace("_", "").replace("-", "").isalnum() and name.isascii() and len(name) <= 64


def _kind(value: Any) -> AttributeKind | None:
    if isinstance(value, bool):
        return AttributeKind.FLAG
    if is_number(value):
        return AttributeKind.NUMBER
    if not isinstance(value, str) or not value:
        return None
    return AttributeKind.DATE if moment_of(value) is not None else AttributeKind.TEXT
