"""How many messages are in every queue, for the managers' pages."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.aws_session import FAILURES, failure_of
from chalicelib.manifest import CONSUMERS

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

_AT_ONCE = 8
KNOWN_SECONDS = 2  # a page asks twenty queues: however many people look, no more often than this
DEAD_SECONDS = 10  # how old the counts of dead letters may be beside the depths: they change seldom, and cost as much
_NUMBERS: tuple["QueueAttributeNameType", ...] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)


class Depth(NamedTuple):
    """Messages of one queue; SQS counts them approximately."""

    waiting: int
    delayed: int
    in_flight: int
    dead: int

    @property
    def total(self) -> int:
        """Everything still to be done."""
        return self.waiting + self.delayed + self.in_flight


class QueueDepths:
    """The depths of the queues, cached for a moment."""

    def __init__(self, client: "SQSClient", prefix: str, *, monotonic: Callable[[], float]) -> None:
        self._client = client
        self._prefix = prefix
        self._monotonic = monotonic
        self._urls: dict[str, str] = {}
        self._depths: Mapping[str, Depth] = {}
        self._until = 0.0
        self._dead: Mapping[str, int] = {}
        self._dead_until = 0.0

    def read(self) -> Mapping[str, Depth]:
        """By queue, read in parallel, up to two seconds old; `dead` up to ten. Raises: UnavailableError (retryable)."""
        if self._monotonic() < self._until:
            return self._depths
        dead = self._dead if self._monotonic() < self._dead_until else self.dead()
        self._depths = {queue: Depth(*numbers, dead=dead[queue]) for queue, numbers in self._all(CONSUMERS).items()}
        self._until = self._monotonic() + KNOWN_SECONDS
        return self._depths

    def forget(self) -> None:
        """The next read is fresh: this process has just moved something."""
        self._until = self._dead_until = 0.0

    def dead(self) -> Mapping[str, int]:
        """The dead letters of each queue, now. Raises: UnavailableError (retryable)."""
        found = self._all(f"{queue}-dlq" for queue in CONSUMERS)
        self._dead = {name.removesuffix("-dlq"): sum(numbers) for name, numbers in found.items()}
        self._dead_until = self._monotonic() + DEAD_SECONDS
        self._until = 0.0
        return self._dead

    def _all(self, queues: Iterable[str]) -> Mapping[str, tuple[int, int, int]]:
        names = list(queues)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(zip(names, pool.map(self._numbers, names), strict=True))

    def _numbers(self, queue: str) -> tuple[int, int, int]:
        try:
            if queue not in self._urls:
                self._urls[queue] = self._client.get_queue_url(QueueName=f"{self._prefix}{queue}")["QueueUrl"]
            answer = self._client.get_queue_attributes(QueueUrl=self._urls[queue], AttributeNames=_NUMBERS)
        except FAILURES as error:
            raise failure_of(error, f"the queue {queue} did not answer") from error
        waiting, delayed, in_flight = (int(answer["Attributes"][name]) for name in _NUMBERS)
        return waiting, delayed, in_flight
