"""The letters that wait to be sent together: whose are due, and what one user has waiting. `tick` asks for the first,
export and erasure for the second; `digest.py` sends.
"""

from collections.abc import Sequence
from typing import Any

from chalicelib.clock import Clock, rfc3339
from chalicelib.control.queues import JobQueue, Outgoing
from chalicelib.observability import Line
from chalicelib.pipeline.jobs import DigestJob, LetterSpec
from chalicelib.pipeline.ledger import Ledger
from chalicelib.pipeline.moves import Move
from chalicelib.pipeline.statuses import DeliveryStatus
from chalicelib.pipeline.unsent import ERASED, ended
from chalicelib.storage.base import reaching_dynamodb
from chalicelib.storage.digests import DIGEST_SHARDS, DigestRow

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
        jobs = [Outgoing(DigestJob(user_id=user).model_dump_json()) for user in sorted(users)]
        self._queues.put(QUEUE, jobs)
        return Line(counts={"digests_released": len(jobs)})

    def of(self, user_id: str) -> list[dict[str, Any]]:
        """What waits for a user. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            rows = list(DigestRow.query(user_id, consistent_read=True))
        return [{"notification_id": row.notification_id, "due_at": row.due_at} for row in rows]

    def erase(self, user_id: str) -> None:
        """Ends and forgets what waits for a user. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            rows = list(DigestRow.query(user_id, consistent_read=True))
        self._ledger.move([move for row in rows for move in closing(row, ERASED)])
        delete_rows(rows)


def closing(row: DigestRow, reason: str, *, rule: str | None = None) -> list[Move]:
    """The moves that end a letter of its own."""
    letter = LetterSpec.model_validate(row.letter)
    return ended(letter, [row.notification_id], row.channels, DeliveryStatus.SKIPPED, reason, rule=rule)


def delete_rows(rows: Sequence[DigestRow]) -> None:
    """Forgets these letters. Raises: UnavailableError (retryable)."""
    with reaching_dynamodb(), DigestRow.batch_write() as batch:
        for row in rows:
            batch.delete(row)
