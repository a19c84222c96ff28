"""Puts jobs into queues. Names are `vestnik-<stage>-<queue>`; the lanes never share a queue."""

from collections.abc import Callable, Sequence
from time import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

from chalicelib.aws_session import FAILURES, failure_of
from chalicelib.errors import UnavailableError
from chalicelib.observability import DUE_AT

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

BATCH_ENTRIES = 10  # SQS: entries in a batch
# JSON allows these two, SQS refuses them ("Message content"); as escapes both agree. Bodies are JSON.
_REFUSED = str.maketrans({"\ufffe": "\\ufffe", "\uffff": "\\uffff"})
BATCH_BYTES = 1_000_000  # SQS: 1 MiB for a batch as for a message; some room is left for its own fields
MAX_DELAY_SECONDS = 900  # SQS: the longest DelaySeconds


class Outgoing(NamedTuple):
    """A message's body (JSON) and how long it stays invisible (0 to MAX_DELAY_SECONDS)."""

    body: str
    delay_seconds: int = 0


class JobQueue(Protocol):
    """The port; `Queues` implements it."""

    def put(self, queue: str, messages: Sequence[Outgoing]) -> None:
        """Raises: UnavailableError (retryable)."""
        ...


class Queues:
    """`client` is made with the first message: `deliver` seldom puts one."""

    def __init__(self, client: Callable[[], "SQSClient"], prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._urls: dict[str, str] = {}

    def put(self, queue: str, messages: Sequence[Outgoing]) -> None:
        """Puts every message, in as few requests as sizes allow. Raises: UnavailableError (retryable) if any was not
        accepted; those that were stay, so a repeated call may duplicate messages: jobs are idempotent."""
        for batch in _batches(messages):
            entries = [_entry(n, message) for n, message in enumerate(batch)]
            try:
                answer = self._client().send_message_batch(QueueUrl=self._url(queue), Entries=entries)
            except FAILURES as error:
                raise failure_of(error, f"the queue {queue} did not answer") from error
            if answer.get("Failed"):
                raise UnavailableError(f"the queue {queue} refused {len(answer['Failed'])} messages")

    def _url(self, queue: str) -> str:
        if queue not in self._urls:
            name = f"{self._prefix}{queue}"
            self._urls[queue] = self._client().get_queue_url(QueueName=name)["QueueUrl"]
        return self._urls[queue]


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
