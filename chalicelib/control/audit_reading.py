"""The audit as it is read: the newest first, one entry for an act, whatever lines it has."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from chalicelib.clock import Clock, rfc3339
from chalicelib.control.audit import INTENDED, UNKNOWN
from chalicelib.control.audit_chain import END
from chalicelib.storage.base import reaching_dynamodb
from chalicelib.storage.cursor import read_place, whole, write_cursor
from chalicelib.storage.managers import AuditRow

_SCOPE = "audit"
_REQUESTS = 5  # that one page takes at most; where it found too little, its cursor goes on from there
_EMPTY_MONTHS = 3  # in a row, after which nothing older is looked for
_FIRST_YEAR = 2000  # before there was any
_READ = 500  # lines that are looked at in one request

_Place = tuple[str, str | None, int]  # the month, the line above, the empty months above


class Entry(NamedTuple):
    """An act, a look or a refusal. `at` is its beginning; `outcome` is `done`, `read`, `failed`, the kind of the
    refusal, or `unknown` of what was begun and has no end (yet)."""

    at: str
    door: str
    by: str
    did: str
    thing: str | None
    outcome: str
    ip: str
    request: str | None
    details: Mapping[str, Any]


class AuditReader:
    """The audit of one stage."""

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
        """The newest first, begun from `since` on and before `until`; of those `wanted` by the fields of an entry. A
        page may hold less than `limit` and have a cursor all the same. Raises: InvalidError (permanent: the cursor is
        not ours), UnavailableError (retryable)."""
        newest = until or self._clock()
        start: _Place = (f"{newest:%Y-%m}", rfc3339(until) if until else None, 0)
        month, before, empty = read_place(cursor, scope=_SCOPE, read=_place) if cursor else start
        oldest = rfc3339(since) if since else ""
        found: list[Entry] = []
        for _ in range(_REQUESTS):
            rows = _older(month, before)
            empty = 0 if rows else empty + 1
            for row in rows:
                if row.place < oldest:
                    return found, None
                ended, before = before == f"{row.place}{END}", row.place
                entry = _read(row)
                if not ended and all(_is(entry, field, value) for field, value in (wanted or {}).items()):
                    found.append(entry)
                if len(found) == limit:
                    return found, _cursor(month, before, empty)
            if len(rows) < _READ:
                month, before = _month_before(month), None
            if empty == _EMPTY_MONTHS or month < oldest[:7]:
                return found, None
        return found, _cursor(month, before, empty)


def _older(month: str, before: str | None) -> list[AuditRow]:
    with reaching_dynamodb():
        older = AuditRow.place < before if before else None
        return list(AuditRow.query(month, older, limit=_READ, scan_index_forward=False, consistent_read=True))


def _place(state: Mapping[str, Any]) -> _Place:
    month, before = datetime.strptime(state["month"], "%Y-%m"), state["place"]
    if month.year < _FIRST_YEAR or not isinstance(before, str | None):
        raise ValueError(state)
    return f"{month:%Y-%m}", before, whole(state["empty"])


def _cursor(month: str, place: str | None, empty_months: int) -> str:
    return write_cursor({"month": month, "place": place, "empty": empty_months}, scope=_SCOPE)


def _read(row: AuditRow) -> Entry:
    outcome = UNKNOWN if row.outcome == INTENDED else row.outcome
    began = row.place.partition("#")[0]
    return Entry(began, row.door, row.by, row.did, row.thing, outcome, row.ip, row.request, row.details or {})


def _is(entry: Entry, field: str, value: str) -> bool:
    return getattr(entry, field) == value or (field == "thing" and value in entry.details.get("things", ()))


def _month_before(month: str) -> str:
    first = datetime.strptime(month, "%Y-%m")
    return f"{first - timedelta(days=1):%Y-%m}"
