"""Who did what on the admin page, when and from where: written once, never changed. Called by `admin/frame.py`."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.clock import Clock, rfc3339
from chalicelib.storage.base import reaching_dynamodb
from chalicelib.storage.cursor import read_cursor, write_cursor
from chalicelib.storage.managers import AuditRow

_SCOPE = "audit"
_MONTHS_BACK = 3  # that one page looks through when months are empty: a bound on its requests


@dataclass(frozen=True)
class Entry:
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

    def page(self, *, limit: int, cursor: str | None) -> tuple[list[Entry], str | None]:
        """The newest first. Raises: InvalidError (permanent: the cursor is not ours), UnavailableError (retryable)."""
        place = read_cursor(cursor, scope=_SCOPE) if cursor else None
        month = place["month"] if place else f"{self._clock():%Y-%m}"
        before = place["place"] if place else None
        found: list[AuditRow] = []
        for _ in range(_MONTHS_BACK):
            with reaching_dynamodb():
                condition = AuditRow.place < before if before else None
                rows = AuditRow.query(month, condition, limit=limit + 1 - len(found), scan_index_forward=False)
                found += list(rows)
            if len(found) > limit:
                last = found[limit - 1]
                return [_read(row) for row in found[:limit]], write_cursor(
                    {"month": last.month, "place": last.place}, scope=_SCOPE
                )
            month, before = _month_before(month), None
        return [_read(row) for row in found], None


def _read(row: AuditRow) -> Entry:
    return Entry(row.at, row.by, row.did, row.thing, row.outcome, row.ip)


def _month_before(month: str) -> str:
    first = datetime.strptime(month, "%Y-%m")
    return f"{first - timedelta(days=1):%Y-%m}"
