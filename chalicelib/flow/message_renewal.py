"""Keeps long-waiting messages from expiring.

SQS keeps a message for 14 days from its first send, in any queue: one that has waited thirteen days in a queue that
nobody reads has one left in the dead-letter queue (AWS, "Setting-up dead-letter queue retention"). So once a day the
messages of every queue whose event source is off are sent again (ADR 0003).
"""

from collections.abc import Callable, Iterable
from datetime import UTC, timedelta

from chalicelib.clock import Clock
from chalicelib.flow.queues import Outgoing, Queues
from chalicelib.observability import Line

EVERY = timedelta(days=1)
HOUR = 3  # of the day (UTC), in which it happens
OLD = EVERY / 2
_SECONDS = 10.0  # per tick: some thousand messages; the next tick continues
_HIDDEN_SECONDS = 60  # for a crash between the two writes


class MessageRenewal:
    """`off`: the queues that nobody reads now; `seconds` is monotonic."""

    def __init__(
        self, queues: Queues, *, off: Callable[[], Iterable[str]], clock: Clock, seconds: Callable[[], float]
    ) -> None:
        self._queues = queues
        self._off = off
        self._clock = clock
        self._seconds = seconds

    def renew(self) -> Line:
        """As much as there is time for, in its hour of the day. A crash duplicates messages, and jobs are idempotent.
        Raises: UnavailableError (the next tick continues)."""
        renewed = 0
        if self._clock().astimezone(UTC).hour == HOUR:
            until = self._seconds() + _SECONDS
            for queue in self._off():
                renewed += self._renew(queue, until)
        return Line(counts={"messages_renewed": renewed} if renewed else {})

    def _renew(self, queue: str, until: float) -> int:
        renewed, some_are_old = 0, True
        while some_are_old and self._seconds() < until:
            batch = self._queues.receive(queue, hidden_seconds=_HIDDEN_SECONDS)
            # Young ones too: each receive brings a message closer to the dead-letter queue.
            self._queues.put(queue, [Outgoing(message.body) for message in batch])
            self._queues.remove(queue, batch)
            renewed += len(batch)
            some_are_old = any(self._clock() - message.sent_at > OLD for message in batch)
        return renewed
