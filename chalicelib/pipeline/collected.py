"""The letters that wait to be sent together: whose are due, and what one user has waiting. `tick` asks for the first,
export and erasure for the second; `digest.py` sends.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from chalicelib.clock import Clock, rfc3339
from chalicelib.deliveries import DeliveryKey, DeliveryStatus, Move
from chalicelib.flow.queues import JobQueue, Outgoing
from chalicelib.isolation import each
from chalicelib.manifest import CHANNELS
from chalicelib.observability import Line, log_failure
from chalicelib.pipeline.fallback import ended
from chalicelib.pipeline.jobs import DigestJob, LetterSpec
from chalicelib.reasons import Reason
from chalicelib.schemas import passed, recalled
from chalicelib.storage.dynamodb import raw_query, reaching_dynamodb
from chalicelib.storage.ledger import Ledger
from chalicelib.storage.rows.digests import DIGEST_SHARDS, DigestRow

QUEUE = "digest"
_PAGE = 500  # rows that one tick looks at in a partition


class Collected:
    """What is collected on one stage."""

    def __init__(self, *, queues: JobQueue, ledger: Ledger, clock: Clock) -> None:
        self._queues = queues
        self._ledger = ledger
        self._clock = clock

    def release(self) -> Line:
        """What `tick` does: a job for each user whose letters are due; asking twice is harmless. Raises:
        UnavailableError (retryable)."""
        until = rfc3339(self._clock())
        users: set[str] = set()
        with reaching_dynamodb():
            for shard in range(DIGEST_SHARDS):
                due = DigestRow.by_due.query(str(shard), DigestRow.due_at <= until, limit=_PAGE, page_size=_PAGE)
                users |= {row.user_id for row in due}
        jobs = [Outgoing(passed(DigestJob(user_id=user))) for user in sorted(users)]
        self._queues.put(QUEUE, jobs)
        return Line(counts={"digests_released": len(jobs)})

    def of(self, user_id: str) -> list[dict[str, Any]]:
        """What waits for a user. Raises: UnavailableError (retryable)."""
        return [{"notification_id": row.notification_id, "due_at": row.due_at} for row in rows_of(user_id).rows]

    def erase(self, user_id: str) -> None:
        """Ends and forgets what waits for a user. Raises: UnavailableError (retryable)."""
        found = rows_of(user_id)
        end_unreadable(self._ledger, found)
        self._ledger.move([move for row in found.rows for move in closing(row, Reason.ERASED)])
        delete_rows(found.rows)


class Found(NamedTuple):
    """What waits for a user; `unreadable` are keys of rows of which nothing more can be said."""

    rows: Sequence[DigestRow]
    unreadable: Sequence[DigestRow]


def rows_of(user_id: str, *, until: str | None = None) -> Found:
    """What waits for a user, of what is due `until` a moment where one is given. Raises: UnavailableError
    (retryable)."""
    unreadable: list[DigestRow] = []

    def alone(item: dict[str, Any], error: Exception) -> None:
        notification_id = item["notification_id"]["S"]
        log_failure("collected letter", error, notification_id=notification_id)
        unreadable.append(DigestRow(user_id, notification_id))

    with reaching_dynamodb():
        items = [one for one in raw_query(DigestRow, user_id) if until is None or _due_at(one) <= until]
    return Found(each(_row, items, alone=alone), unreadable)


def end_unreadable(ledger: Ledger, found: Found) -> None:
    """Letters that nobody can read have failed. Raises: UnavailableError (retryable)."""
    keys = [DeliveryKey(row.notification_id, channel) for row in found.unreadable for channel in CHANNELS]
    ledger.move([Move(key, DeliveryStatus.FAILED, Reason.UNREADABLE, unclaimed=True) for key in ledger.states(keys)])
    delete_rows(found.unreadable)


def closing(row: DigestRow, reason: str, *, failed: bool = False, rule: str | None = None) -> list[Move]:
    """The moves that end a letter of its own."""
    status = DeliveryStatus.FAILED if failed else DeliveryStatus.SKIPPED
    letter = recalled(LetterSpec, row.letter)
    return ended(letter, [row.notification_id], row.channels, status, reason, rule=rule)


def _due_at(item: Mapping[str, Any]) -> str:
    return str(item.get("due_at", {}).get("S", ""))


def _row(item: dict[str, Any]) -> DigestRow:
    row = DigestRow.from_raw_data(item)
    recalled(LetterSpec, row.letter)
    if not row.channels or not isinstance(row.context, dict) or not isinstance(row.fate or {}, dict):
        raise TypeError("a collected letter has channels, a context and perhaps a fate")
    return row


def delete_rows(rows: Sequence[DigestRow]) -> None:
    """Forgets these letters. Raises: UnavailableError (retryable)."""
    with reaching_dynamodb(), DigestRow.batch_write() as batch:
        for row in rows:
            batch.delete(row)
