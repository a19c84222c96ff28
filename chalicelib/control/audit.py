"""Who did what on the admin page, when and from where: written once, never changed. Called by `admin/frame.py`."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from chalicelib.clock import Clock, rfc3339
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
    """One line of the audit. `outcome` is `done` or the kind of the refusal."""

    at: str
    by: str
    did: str
    thing: str | None
    outcome: str
    ip: str


class Audit:
    """The audit of one stage."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def write(self, *, by: str, did: str, thing: str | None, outcome: str, ip: str) -> None:
        """Raises: UnavailableError (retryable)."""
        at = self._clock()
        row = AuditRow(
            f"{at:%Y-%m}",
            f"{rfc3339(at)}#{secrets.token_hex(4)}",
            at=rfc3339(at),
            by=by,
            did=did,
            thing=thing,
            outcome=outcome,
            ip=ip,
        )
        with reaching_dynamodb():
            row.save(AuditRow.place.does_not_exist())

    def page(self, *, limit: int, cursor: str | None, **wanted: str) -> tuple[list[Entry], str | None]:
        """The newest first; of those `wanted` by the fields of an entry. A page may hold less than `limit` and have a
        cursor all the same. Raises: InvalidError (permanent: the cursor is not ours), UnavailableError (retryable)."""
        start: _Place = (f"{self._clock():%Y-%m}", None, 0)
        month, before, empty = read_place(cursor, scope=_SCOPE, read=_place) if cursor else start
        found: list[Entry] = []
        for _ in range(_REQUESTS):
            with reaching_dynamodb():
                older = AuditRow.place < before if before else None
                rows = list(AuditRow.query(month, older, limit=_READ, scan_index_forward=False, consistent_read=True))
            empty = 0 if rows else empty + 1
            for row in rows:
                entry, before = _read(row), row.place
                if all(getattr(entry, field) == value for field, value in wanted.items()):
                    found.append(entry)
                if len(found) == limit:
                    return found, _cursor(month, before, empty)
            if len(rows) < _READ:
                month, before = _month_before(month), None
            if empty == _EMPTY_MONTHS:
                return found, None
        return found, _cursor(month, before, empty)


def _place(state: Mapping[str, Any]) -> _Place:
    month, before = datetime.strptime(state["month"], "%Y-%m"), state["place"]
    if month.year < _FIRST_YEAR or not isinstance(before, str | None):
        raise ValueError(state)
    return f"{month:%Y-%m}", before, whole(state["empty"])


def _cursor(month: str, place: str | None, empty_months: int) -> str:
    return write_cursor({"month": month, "place": place, "empty": empty_months}, scope=_SCOPE)


def _read(row: AuditRow) -> Entry:
    return Entry(row.at, row.by, row.did, row.thing, row.outcome, row.ip)


def _month_before(month: str) -> str:
    first = datetime.strptime(month, "%Y-%m")
    return f"{first - timedelta(days=1):%Y-%m}"
