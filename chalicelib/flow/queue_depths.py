"""How many messages are in every queue, for the managers' pages."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from chalicelib.flow.queues import Queues
from chalicelib.manifest import CONSUMERS

_AT_ONCE = 8
KNOWN_SECONDS = 2  # a page asks twenty queues, however many people look
DEAD_SECONDS = 10  # counts of dead letters change seldom and cost as much


class Depth(NamedTuple):
    """Messages of one queue, counted approximately."""

    waiting: int
    delayed: int
    in_flight: int
    dead: int

    @property
    def total(self) -> int:
        """Everything still to be done."""
        return self.waiting + self.delayed + self.in_flight


class QueueDepths:
    """Each method that reads raises UnavailableError (retryable)."""

    def __init__(self, queues: Queues, *, monotonic: Callable[[], float]) -> None:
        self._queues = queues
        self._monotonic = monotonic
        self._depths: Mapping[str, Depth] = {}
        self._until = 0.0
        self._dead: Mapping[str, int] = {}
        self._dead_until = 0.0

    def read(self) -> Mapping[str, Depth]:
        """By queue, at most two seconds old; `dead` at most ten."""
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
        """The dead letters of each queue, now."""
        found = self._all(f"{queue}-dlq" for queue in CONSUMERS)
        self._dead = {name.removesuffix("-dlq"): sum(numbers) for name, numbers in found.items()}
        self._dead_until = self._monotonic() + DEAD_SECONDS
        self._until = 0.0
        return self._dead

    def _all(self, queues: Iterable[str]) -> Mapping[str, tuple[int, int, int]]:
        names = list(queues)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(zip(names, pool.map(self._queues.counts, names), strict=True))
