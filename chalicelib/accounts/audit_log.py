"""Reads the audit: newest first, one entry per action, whatever lines it has."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Json, ValidationError

from chalicelib.accounts.audit import INTENDED, NOBODY, UNKNOWN, UNREADABLE
from chalicelib.clock import Clock, parse_rfc3339, rfc3339
from chalicelib.storage.audit import END, lines_before
from chalicelib.storage.cursor import read_place, whole, write_cursor

_SCOPE = "audit"
_REQUESTS = 5  # the most that one page takes; if it found too little, its cursor continues from there
_EMPTY_MONTHS = 3  # in a row, after which nothing older is searched
_FIRST_YEAR = 2000  # before there was any
_READ = 500  # lines read per request

_Place = tuple[str, str | None, int]  # the month, the line above, the empty months above


class Entry(NamedTuple):
    """An action, a view or a refusal. `at` is its beginning; `outcome` is `done`, `read`, `failed`, the kind of the
    refusal, `unknown` for what was begun and has no end (yet), or `unreadable` for what we have not written."""

    at: str | None
    door: str
    by: str
    did: str
    thing: str | None
    outcome: str
    ip: str
    request: str | None
    details: Mapping[str, Any]


class _Details(BaseModel):
    model_config = ConfigDict(frozen=True)

    fields: list[str] = []
    things: list[str] = []
    before: Any = None
    after: Any = None
    left_out: int = 0


class _Line(BaseModel):
    """A line as `audit.py` writes it. Whoever can put in other lines must not hide these."""

    model_config = ConfigDict(frozen=True)

    door: str
    by: str
    did: str
    thing: str | None = None
    outcome: str
    ip: str
    request: str | None = None
    details: Json[_Details] = _Details()


class AuditReader:
    """Reads the audit."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def page(
        self,
        *,
        limit: int,
        cursor: str | None,
        since: datetime | None = None,
        until: datetime | None = None,
        wanted: Mapping[str, str] | None = None,
    ) -> tuple[list[Entry], str | None]:
        """Newest first, begun from `since` on and before `until`; those `wanted` by the fields of an entry. A page may
        hold less than `limit` and still have a cursor. Raises: InvalidError (permanent: the cursor is not ours),
        UnavailableError (retryable)."""
        newest = until or self._clock()
        start: _Place = (f"{newest:%Y-%m}", rfc3339(until) if until else None, 0)
        month, before, empty = read_place(cursor, scope=_SCOPE, read=_place) if cursor else start
        oldest = rfc3339(since) if since else ""
        found: list[Entry] = []
        for _ in range(_REQUESTS):
            lines = lines_before(month, before, limit=_READ)
            empty = 0 if lines else empty + 1
            for line in lines:
                place: str = line["place"]
                if place < oldest:
                    return found, None
                ended, before = before == f"{place}{END}", place
                entry = _read(line)
                if not ended and all(_is(entry, field, value) for field, value in (wanted or {}).items()):
                    found.append(entry)
                if len(found) == limit:
                    return found, _cursor(month, before, empty)
            if len(lines) < _READ:
                month, before = _month_before(month), None
            if empty == _EMPTY_MONTHS or month < oldest[:7]:
                return found, None
        return found, _cursor(month, before, empty)


def _place(state: Mapping[str, Any]) -> _Place:
    month, before = datetime.strptime(state["month"], "%Y-%m"), state["place"]
    if month.year < _FIRST_YEAR or not isinstance(before, str | None):
        raise ValueError(state)
    return f"{month:%Y-%m}", before, whole(state["empty"])


def _cursor(month: str, place: str | None, empty_months: int) -> str:
    return write_cursor({"month": month, "place": place, "empty": empty_months}, scope=_SCOPE)


def _read(stored: Mapping[str, Any]) -> Entry:
    began = None
    with suppress(ValueError):
        began = rfc3339(parse_rfc3339(stored["place"].partition("#")[0]))
    try:
        line = _Line.model_validate(stored)
    except ValidationError:
        return Entry(began, NOBODY, NOBODY, UNREADABLE, None, UNREADABLE, NOBODY, None, {})
    outcome = UNKNOWN if line.outcome == INTENDED else line.outcome
    details = line.details.model_dump(exclude_unset=True)
    return Entry(began, line.door, line.by, line.did, line.thing, outcome, line.ip, line.request, details)


def _is(entry: Entry, field: str, value: str) -> bool:
    return getattr(entry, field) == value or (field == "thing" and value in entry.details.get("things", ()))


def _month_before(month: str) -> str:
    first = datetime.strptime(month, "%Y-%m")
    return f"{first - timedelta(days=1):%Y-%m}"
