"""Queues named `vestnik-<stage>-<queue>`, the two lanes apart: jobs are put into them, and what waits can be counted,
read and taken."""

from collections.abc import Sequence
from datetime import UTC, datetime
from time import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

from chalicelib.aws_session import reaching
from chalicelib.errors import UnavailableError
from chalicelib.observability import DUE_AT

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType
    from mypy_boto3_sqs.type_defs import MessageTypeDef, SendMessageBatchRequestEntryTypeDef

BATCH_ENTRIES = 10  # SQS: entries in a batch
# JSON may hold these two, SQS refuses them ("Message content"); as escapes both agree. Bodies are JSON.
_REFUSED = str.maketrans({"\ufffe": "\\ufffe", "\uffff": "\\uffff"})
BATCH_BYTES = 1_000_000  # SQS: 1 MiB for a batch as for a message; some room is left for its own fields
MAX_DELAY_SECONDS = 900  # SQS: the longest DelaySeconds
_WAIT_SECONDS = 1  # a receive that waits asks all of SQS's servers; without, some messages may be missed
_NUMBERS: tuple["QueueAttributeNameType", ...] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)


class Outgoing(NamedTuple):
    """A message's body (JSON) and how long it stays invisible (0 to MAX_DELAY_SECONDS)."""

    body: str
    delay_seconds: int = 0


class QueueMessage(NamedTuple):
    """A message that was received; `receipt` is what `remove` and `show_again` name it by."""

    id: str
    body: str
    sent_at: datetime
    receives: int
    receipt: str = ""


class JobQueue(Protocol):
    """Where jobs are put; `Queues` is one."""

    def put(self, queue: str, messages: Sequence[Outgoing]) -> None:
        """Raises: UnavailableError (retryable)."""
        ...


class _Clients(Protocol):
    @property
    def sqs(self) -> "SQSClient": ...


class Queues:
    """The client is made at the first message, as `deliver` seldom puts one. Each method raises UnavailableError
    (retryable)."""

    def __init__(self, clients: _Clients, prefix: str) -> None:
        self._clients = clients
        self._prefix = prefix
        self._urls: dict[str, str] = {}

    def put(self, queue: str, messages: Sequence[Outgoing]) -> None:
        """Puts every message in as few requests as sizes allow. If it fails, some may be put; repeating the call may
        double them, as jobs are idempotent."""
        for batch in _batches(messages):
            entries = [_entry(n, message) for n, message in enumerate(batch)]
            with reaching(f"the queue {queue} did not answer"):
                answer = self._clients.sqs.send_message_batch(QueueUrl=self._url(queue), Entries=entries)
            if answer.get("Failed"):
                raise UnavailableError(f"the queue {queue} refused {len(answer['Failed'])} messages")

    def counts(self, queue: str) -> tuple[int, int, int]:
        """About how many messages wait, are delayed, and are in flight."""
        with reaching(f"the queue {queue} did not answer"):
            answer = self._clients.sqs.get_queue_attributes(QueueUrl=self._url(queue), AttributeNames=_NUMBERS)
        waiting, delayed, in_flight = (int(answer["Attributes"][name]) for name in _NUMBERS)
        return waiting, delayed, in_flight

    def receive(self, queue: str, *, hidden_seconds: int, limit: int = BATCH_ENTRIES) -> list[QueueMessage]:
        """At most ten messages, which nobody else sees for a while."""
        with reaching(f"the queue {queue} did not answer"):
            answer = self._clients.sqs.receive_message(
                QueueUrl=self._url(queue),
                MaxNumberOfMessages=min(BATCH_ENTRIES, limit),
                VisibilityTimeout=hidden_seconds,
                WaitTimeSeconds=_WAIT_SECONDS,
                MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
            )
        return [_received(message) for message in answer.get("Messages", [])]

    def remove(self, queue: str, messages: Sequence[QueueMessage]) -> None:
        """Deletes at most ten messages."""
        if messages:
            entries = [{"Id": str(n), "ReceiptHandle": one.receipt} for n, one in enumerate(messages)]
            with reaching(f"the queue {queue} did not answer"):
                answer = self._clients.sqs.delete_message_batch(QueueUrl=self._url(queue), Entries=entries)  # type: ignore[arg-type]
            if answer.get("Failed"):
                raise UnavailableError(f"the queue {queue} kept {len(answer['Failed'])} messages")

    def show_again(self, queue: str, messages: Sequence[QueueMessage]) -> None:
        """Lets others see the messages at once."""
        for start in range(0, len(messages), BATCH_ENTRIES):
            entries = [
                {"Id": str(n), "ReceiptHandle": one.receipt, "VisibilityTimeout": 0}
                for n, one in enumerate(messages[start : start + BATCH_ENTRIES])
            ]
            with reaching(f"the queue {queue} did not answer"):
                self._clients.sqs.change_message_visibility_batch(QueueUrl=self._url(queue), Entries=entries)  # type: ignore[arg-type]

    def _url(self, queue: str) -> str:
        if queue not in self._urls:
            name = f"{self._prefix}{queue}"
            self._urls[queue] = self._clients.sqs.get_queue_url(QueueName=name)["QueueUrl"]
        return self._urls[queue]


def _received(message: "MessageTypeDef") -> QueueMessage:
    attributes = message.get("Attributes", {})
    return QueueMessage(
        id=message["MessageId"],
        body=message["Body"],
        sent_at=datetime.fromtimestamp(int(attributes.get("SentTimestamp", 0)) / 1000, UTC),
        receives=int(attributes.get("ApproximateReceiveCount", 0)),
        receipt=message["ReceiptHandle"],
    )


def _entry(n: int, message: Outgoing) -> "SendMessageBatchRequestEntryTypeDef":
    entry: SendMessageBatchRequestEntryTypeDef = {
        "Id": str(n),
        "MessageBody": message.body.translate(_REFUSED),
        "DelaySeconds": message.delay_seconds,
    }
    if message.delay_seconds:  # a wanted delay is no age (observability)
        due = str(round(time() + message.delay_seconds, 3))
        entry["MessageAttributes"] = {DUE_AT: {"DataType": "Number", "StringValue": due}}
    return entry


def _batches(messages: Sequence[Outgoing]) -> list[list[Outgoing]]:
    batches: list[list[Outgoing]] = []
    room = 0
    for message in messages:
        size = len(message.body.encode())
        if not batches or len(batches[-1]) == BATCH_ENTRIES or size > room:
            batches.append([])
            room = BATCH_BYTES
        batches[-1].append(message)
        room -= size
    return batches
