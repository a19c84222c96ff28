"""Reads and takes messages from the dead-letter queues. `services/operator_actions.py` decides about a message.

`StartMessageMoveTask` would move messages as they are; ours must first reopen what was given up. It is also missing in
some backends, and takes only queues that SQS itself fills (ADR 0003).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.aws_session import FAILURES, failure_of
from chalicelib.errors import NotFoundError, Phrase
from chalicelib.manifest import CONSUMERS

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

KEPT = timedelta(days=14)  # since the message was first sent, in whatever queue (infra/template.yaml)
_BATCH = 10
_LOOK_SECONDS = 2  # how long a message stays hidden while more are looked at
_TAKE_SECONDS = 60
_SCAN_AT_MOST = 2000  # messages that a search by ids reads: some seconds, within an API call's time limit
_WAIT_SECONDS = 1  # a receive that waits asks all of SQS's servers; without, some letters may not be seen


class DeadLetter(NamedTuple):
    """A message that no retry could handle."""

    id: str
    body: str
    sent_at: datetime
    receives: int


class DeadLetters:
    """By the name of the queue that they dropped out of. `taken` is called when some have left."""

    def __init__(self, client: "SQSClient", prefix: str, *, taken: Callable[[], None] = lambda: None) -> None:
        self._client = client
        self._taken = taken
        self._prefix = prefix
        self._urls: dict[str, str] = {}

    def counts(self) -> dict[str, int]:
        """About how many are in each. Raises: UnavailableError (retryable)."""
        return {queue: self.count(queue) for queue in CONSUMERS}

    def count(self, queue: str) -> int:
        """About how many are in one. Raises: NotFoundError (permanent), UnavailableError (retryable)."""
        with _reaching_sqs():
            answer = self._client.get_queue_attributes(
                QueueUrl=self._url(queue),
                AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
            )
        return sum(int(number) for number in answer["Attributes"].values())

    def look(self, queue: str, *, limit: int) -> list[DeadLetter]:
        """Up to `limit` messages, which stay. Raises: NotFoundError (permanent), UnavailableError (retryable)."""
        messages = [message for batch in self._receive(queue, limit, _LOOK_SECONDS) for message in batch]
        self._show_again(queue, messages)  # they may be put back in the same second
        return [_letter(message) for message in messages]

    def take(
        self, queue: str, *, limit: int, ids: Sequence[str] | None = None, each: Callable[[DeadLetter], None]
    ) -> int:
        """Passes up to `limit` messages (of `ids`, if given, searched among the first 2000) to `each` and removes each
        after it; returns how many were removed. An exception of `each` ends it. Raises: NotFoundError (permanent),
        UnavailableError (retryable)."""
        wanted = None if ids is None else set(ids)
        spared: list[MessageTypeDef] = []
        removed = 0
        try:
            for batch in self._receive(queue, limit if wanted is None else _SCAN_AT_MOST, _TAKE_SECONDS):
                for message in batch:
                    if wanted is not None and message["MessageId"] not in wanted:
                        spared.append(message)
                        continue
                    each(_letter(message))
                    with _reaching_sqs():
                        self._client.delete_message(QueueUrl=self._url(queue), ReceiptHandle=message["ReceiptHandle"])
                    removed += 1
                if wanted is not None and removed == min(limit, len(wanted)):
                    break
        finally:
            self._show_again(queue, spared)
            self._taken()
        return removed

    def _show_again(self, queue: str, messages: Sequence["MessageTypeDef"]) -> None:
        # Only now: messages made visible during the search would be found again and again, and none behind them.
        for start in range(0, len(messages), _BATCH):
            with _reaching_sqs():
                self._client.change_message_visibility_batch(
                    QueueUrl=self._url(queue),
                    Entries=[
                        {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
                        for n, message in enumerate(messages[start : start + _BATCH])
                    ],
                )

    def _receive(self, queue: str, limit: int, hidden_seconds: int) -> Iterator[list["MessageTypeDef"]]:
        seen: set[str] = set()
        while len(seen) < limit:
            with _reaching_sqs():
                answer = self._client.receive_message(
                    QueueUrl=self._url(queue),
                    MaxNumberOfMessages=min(_BATCH, limit - len(seen)),
                    VisibilityTimeout=hidden_seconds,
                    WaitTimeSeconds=_WAIT_SECONDS,
                    MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
                )
            messages = [m for m in answer.get("Messages", []) if m["MessageId"] not in seen]
            if not messages:
                return
            seen.update(message["MessageId"] for message in messages)
            yield messages

    def _url(self, queue: str) -> str:
        if queue not in CONSUMERS:
            raise NotFoundError(
                Phrase("there is no queue {queue}; there are {known}", queue=queue, known=", ".join(CONSUMERS))
            )
        if queue not in self._urls:
            with _reaching_sqs():
                name = f"{self._prefix}{queue}-dlq"
                self._urls[queue] = self._client.get_queue_url(QueueName=name)["QueueUrl"]
        return self._urls[queue]


def _letter(message: "MessageTypeDef") -> DeadLetter:
    attributes = message.get("Attributes", {})
    return DeadLetter(
        id=message["MessageId"],
        body=message["Body"],
        sent_at=datetime.fromtimestamp(int(attributes.get("SentTimestamp", 0)) / 1000, UTC),
        receives=int(attributes.get("ApproximateReceiveCount", 0)),
    )


@contextmanager
def _reaching_sqs() -> Iterator[None]:
    try:
        yield
    except FAILURES as error:
        raise failure_of(error, "SQS did not answer") from error
