"""The lines of the audit, written once and never changed. Each process writes a chain, in which every line names the
one before it by a digest. The digests go to the log too, where a function may add but not change: `make doctor`
compares the table with it.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from threading import Lock
from typing import Any, NamedTuple

from chalicelib.clock import Clock, rfc3339
from chalicelib.observability import logger
from chalicelib.storage.dynamodb import reaching_dynamodb
from chalicelib.storage.rows.accounts import AuditRow
from chalicelib.storage.values import raw_query

WITNESS = "audit-line"  # the message of the log line
END = "#end"  # suffix of the key of a line that ends an action; it sorts next to the line of its beginning


class LinePlace(NamedTuple):
    """The key of a line."""

    month: str
    place: str


def digest_of(item: Mapping[str, Any]) -> str:
    """SHA-256 of a stored item without its own digest, as canonical JSON."""
    held = {name: value for name, value in item.items() if name != "digest"}
    return hashlib.sha256(json.dumps(held, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def lines_before(month: str, place: str | None, *, limit: int) -> list[dict[str, Any]]:
    """The lines of a month before a place, newest first, as they are stored: somebody else may have put in any of them.
    Raises: UnavailableError (retryable)."""
    with reaching_dynamodb():
        items = raw_query(
            AuditRow, month, AuditRow.place < place if place else None, most=limit, scan_index_forward=False
        )
        return [{name: next(iter(value.values())) for name, value in item.items()} for item in items]


class AuditChain:
    """The chain of one process."""

    _before: str | None

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._turn = Lock()  # a line is written after the one before it: the local server has threads
        self._begin()

    def add(self, *, begun: LinePlace | None = None, **fields: Any) -> LinePlace:
        """Writes a line; `begun` is the beginning of the action that it ends. Raises: UnavailableError (retryable): the
        line may or may not be there, and the next one starts another chain."""
        with self._turn:
            row = self._next(begun, fields)
            try:
                with reaching_dynamodb():  # the client repeats a request whose reply was lost: our line may be there
                    row.save(AuditRow.place.does_not_exist() | (AuditRow.digest == row.digest))
            except BaseException:
                self._begin()
                _witness(row, sure=False)
                raise
            self._number, self._before = int(row.number), row.digest
            _witness(row, sure=True)
            return LinePlace(row.month, row.place)

    def _begin(self) -> None:
        self._name, self._number, self._before = secrets.token_hex(8), 0, None

    def _next(self, begun: LinePlace | None, fields: Mapping[str, Any]) -> AuditRow:
        at = self._clock()
        place = f"{rfc3339(at)}#{self._name}#{self._number + 1:06d}"
        row = AuditRow(
            begun.month if begun else f"{at:%Y-%m}",
            f"{begun.place}{END}" if begun else place,
            at=rfc3339(at),
            chain=self._name,
            number=self._number + 1,
            before=self._before,
            **fields,
        )
        row.digest = digest_of(row.serialize(null_check=False))
        return row


def _witness(row: AuditRow, *, sure: bool) -> None:
    """`sure`: the table has confirmed the line."""
    logger().info(WITNESS, chain=row.chain, number=row.number, digest=row.digest, sure=sure)
