"""Keeps long-waiting messages from expiring.

SQS keeps a message for 14 days from its first send, in any queue: one that has waited thirteen days in a queue that
nobody reads has one left in the dead-letter queue (AWS, "Setting-up dead-letter queue retention"). So once a day the
messages of every queue whose event source is off are sent again (ADR 0003).
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from chalicelib.aws_session import FAILURES, failure_of
from chalicelib.clock import Clock
from chalicelib.flow.queues import BATCH_ENTRIES, JobQueue, Outgoing
from chalicelib.observability import Line

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

EVERY = timedelta(days=1)
HOUR = 3  # of the day (UTC), in which it happens
OLD = EVERY / 2
_SECONDS = 10.0  # per tick: some thousand messages; the next tick continues
_HIDDEN_SECONDS = 60  # for a crash between the two writes
_WAIT_SECONDS = 1  # a receive that waits asks all of SQS's servers


class Renewal:
    """`off`: the queues that nobody reads now; `seconds` is monotonic."""

    def __init__(
        self,
        client: Callable[[], "SQSClient"],
        prefix: str,
        *,
        queues: JobQueue,
        off: Callable[[], Iterable[str]],
        clock: Clock,
        seconds: Callable[[], float],
    ) -> None:
        self._client = client
        self._prefix = prefix
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
        try:
            url = self._client().get_queue_url(QueueName=f"{self._prefix}{queue}")["QueueUrl"]
            renewed, some_are_old = 0, True
            while some_are_old and self._seconds() < until:
                batch = self._batch(url)
                # Young ones too: each receive brings a message closer to the dead-letter queue.
                self._queues.put(queue, [Outgoing(message["Body"]) for message in batch])
                self._remove(url, batch)
                renewed += len(batch)
                some_are_old = any(self._clock() - _put_at(message) > OLD for message in batch)
        except FAILURES as error:
            raise failure_of(error, f"the queue {queue} did not answer") from error
        return renewed

    def _batch(self, url: str) -> list["MessageTypeDef"]:
        answer = self._client().receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=BATCH_ENTRIES,
            VisibilityTimeout=_HIDDEN_SECONDS,
            WaitTimeSeconds=_WAIT_SECONDS,
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        return answer.get("Messages", [])

    def _remove(self, url: str, batch: list["MessageTypeDef"]) -> None:
        entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(batch)]
        if entries:
            self._client().delete_message_batch(QueueUrl=url, Entries=entries)  # type: ignore[arg-type]


def _put_at(message: "MessageTypeDef") -> datetime:
    return datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC)
