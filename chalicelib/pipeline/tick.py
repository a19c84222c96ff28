"""What happens every minute."""

from datetime import timedelta

from chalicelib.clock import Clock, rfc3339
from chalicelib.isolation import each
from chalicelib.observability import Line, log_failure
from chalicelib.pipeline.accept import Accept
from chalicelib.pipeline.stored_request import DUE_SHARDS
from chalicelib.storage.dynamodb import find, reaching_dynamodb
from chalicelib.storage.rows.ledger import LedgerRow, RequestRow

LOOKAHEAD = timedelta(minutes=2)  # a request is queued a little early, with the rest of its wait as the delay


class Tick:
    """The periodic work of one stage."""

    def __init__(self, *, accept: Accept, clock: Clock) -> None:
        self._accept = accept
        self._clock = clock

    def tick(self) -> Line:
        """Releases the requests whose time has come; what a stopped clock missed is released by the next tick. Raises:
        UnavailableError (retryable: the next tick goes on)."""
        released, unreadable = 0, list[str]()

        def strange(row: LedgerRow, error: Exception) -> None:
            # Of another version's shape, or damaged: it stays for that version, or for a person, and stops nobody.
            log_failure("tick", error, request=row.notification_id)
            unreadable.append(row.notification_id)

        until = rfc3339(self._clock() + LOOKAHEAD)
        for shard in range(DUE_SHARDS):
            with reaching_dynamodb():
                due = list(LedgerRow.by_due.query(str(shard), RequestRow.due_at <= until))
            released += sum(each(lambda row: self._release(row.notification_id, row.part), due, alone=strange))
        return Line(counts={"released": released, "unreadable": len(unreadable)})

    def _release(self, request_id: str, part: str) -> int:
        # Queued first, taken off the index second: a crash between the two queues it twice, which is harmless.
        stored = find(RequestRow, request_id, part)
        if stored is None or stored.due_at is None:
            return 0  # the index is eventually consistent: another tick was here
        self._accept.enqueue(stored)
        with reaching_dynamodb():
            stored.update(actions=[RequestRow.due_shard.remove(), RequestRow.due_at.remove()])
        return 1
