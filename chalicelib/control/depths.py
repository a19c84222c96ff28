"""How much lies in every queue, for the eyes of people: the overview and the failover desk of the admin page."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.control.consumers import CONSUMERS
from chalicelib.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

_AT_ONCE = 8
_NUMBERS: tuple["QueueAttributeNameType", ...] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)


@dataclass(frozen=True)
class Depth:
    """Messages of one queue; SQS counts them approximately."""

    waiting: int
    delayed: int
    in_flight: int
    dead: int

    @property
    def total(self) -> int:
        """All that is still to be done."""
        return self.waiting + self.delayed + self.in_flight


class QueueDepths:
    """The depths of one stage's queues."""

    def __init__(self, client: "SQSClient", prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._urls: dict[str, str] = {}

    def read(self) -> Mapping[str, Depth]:
        """By queue, asked for side by side. Raises: UnavailableError (retryable)."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            live = list(pool.map(self._numbers, CONSUMERS))
            dead = list(pool.map(self._numbers, [f"{queue}-dlq" for queue in CONSUMERS]))
        return {
            queue: Depth(*numbers, dead=sum(lost)) for queue, numbers, lost in zip(CONSUMERS, live, dead, strict=True)
        }

    def _numbers(self, queue: str) -> tuple[int, int, int]:
        try:
            if queue not in self._urls:
                self._urls[queue] = self._client.get_queue_url(QueueName=f"{self._prefix}{queue}")["QueueUrl"]
            answer = self._client.get_queue_attributes(QueueUrl=self._urls[queue], AttributeNames=_NUMBERS)
        except (BotoCoreError, ClientError) as error:
            raise UnavailableError(f"the queue {queue} did not answer") from error
        waiting, delayed, in_flight = (int(answer["Attributes"][name]) for name in _NUMBERS)
        return waiting, delayed, in_flight
