"""How lines of the audit are written: each process has a chain of its own, in which every line names the one before it
by a digest. Each digest is told to the log too, where the function may add and not change: `make doctor` holds the
table against it.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from threading import Lock
from typing import Any

from chalicelib.clock import Clock, rfc3339
from chalicelib.observability import logger
from chalicelib.storage.dynamodb import reaching_dynamodb
from chalicelib.storage.rows.accounts import AuditRow

WITNESS = "audit-line"  # the message of the log line
END = "#end"  # of the place of a line that ends an act: beside that of its beginning


def digest_of(item: Mapping[str, Any]) -> str:
    """SHA-256 of a line as DynamoDB has it, with all that it holds but the digest itself, as canonical JSON."""
    held = {name: value for name, value in item.items() if name != "digest"}
    return hashlib.sha256(json.dumps(held, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


class Chain:
    """The chain of one process: the stream of the log that tells its digests says which one."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._turn = Lock()  # a line is written when the one before it is: the local server has threads
        self._begin()

    def _begin(self) -> None:
        self._name, self._number, self._before = secrets.token_hex(8), 0, None

    _before: str | None

    def add(self, *, begun: AuditRow | None = None, **what: Any) -> AuditRow:
        """Writes a line; one that ends an act says which has `begun`. Raises: UnavailableError (retryable): nobody
        knows whether the line is there, and the next one begins another chain."""
        with self._turn:
            row = self._next(begun, what)
            try:
                with reaching_dynamodb():  # a reply that was lost is asked for again: the same line may be there
                    row.save(AuditRow.place.does_not_exist() | (AuditRow.digest == row.digest))
            except BaseException:
                self._begin()
                _witness(row, sure=False)
                raise
            self._number, self._before = int(row.number), row.digest
            _witness(row, sure=True)
            return row

    def _next(self, begun: AuditRow | None, what: Mapping[str, Any]) -> AuditRow:
        at = self._clock()
        place = f"{rfc3339(at)}#{self._name}#{self._number + 1:06d}"
        row = AuditRow(
            begun.month if begun else f"{at:%Y-%m}",
            f"{begun.place}{END}" if begun else place,
            at=rfc3339(at),
            chain=self._name,
            number=self._number + 1,
            before=self._before,
            **what,
        )
        row.digest = digest_of(row.serialize(null_check=False))
        return row


def _witness(row: AuditRow, *, sure: bool) -> None:
    """`sure`: the table has said that it holds the line. Never raises."""
    logger().info(WITNESS, chain=row.chain, number=row.number, digest=row.digest, sure=sure)
