"""A run's pace: letters a second, as delays of its chunks, and messages a second, as turns that all publishers of a
campaign take. Both are reread for every message of the queue `fanout`, so that they can change during a run (ADR 0004).
"""

from collections.abc import Callable, Sequence
from math import ceil, floor
from typing import NamedTuple, Protocol

from chalicelib.flow.queues import BATCH_ENTRIES, MAX_DELAY_SECONDS, JobQueue, Outgoing
from chalicelib.pipeline.jobs import CHUNK_SIZE
from chalicelib.storage.rate_limits import LEAST_RATE, Grant

MAX_SHARDS = 8
USERS_A_SHARD = 5000  # a smaller shard costs more than it gains: its last chunk is not full
PAGE_SIZE = 1000
AHEAD_SECONDS = 60.0  # how far ahead a run publishes: a change of pace takes effect within this


def shard_count(rate_per_second: float, *, users: int) -> int:
    """How many parallel shards a run of this rate over about so many users is worth: each can fill a whole chunk every
    second, and has enough to fill chunks with."""
    return max(1, min(MAX_SHARDS, floor(rate_per_second / CHUNK_SIZE), ceil(users / USERS_A_SHARD)))


class Pace(NamedTuple):
    """One shard's part of a run's letters, and the messages of the whole campaign."""

    letters_per_second: float
    messages_per_second: float

    @property
    def chunk_size(self) -> int:
        """Letters in a chunk: no more than leave in a second."""
        return max(1, min(CHUNK_SIZE, floor(self.letters_per_second)))

    @property
    def page_size(self) -> int:
        """Users to process before the pace is read again."""
        return max(self.chunk_size, min(PAGE_SIZE, floor(self.letters_per_second * AHEAD_SECONDS)))

    def delays(self, sizes: Sequence[int], *, now: float, letters_at: float) -> tuple[list[int], float]:
        """DelaySeconds for chunks of these sizes, and when the letter after them may leave. Times are epoch seconds."""
        delays, at = [], max(now, letters_at)
        for size in sizes:
            delays.append(max(0, floor(at - now)))
            at += size / self.letters_per_second
        return delays, at


class Turns(Protocol):
    """Turns among all processes: a `storage.rate_limits.RateLimiter` whose rates are 1 a second."""

    def take(self, name: str, units: int, *, share: float, max_wait_seconds: float) -> Grant:
        """Units of the limit `name`, at `share` of its rate. Raises: UnavailableError (retryable)."""
        ...


class Publisher:
    """Puts messages into a queue evenly, so that in no second more than the pace are written, by all that publish under
    one name: the shards of a run, its held chunks, and the campaign's other runs."""

    def __init__(
        self, queues: JobQueue, *, turns: Turns, sleep: Callable[[float], None], clock: Callable[[], float]
    ) -> None:
        self._queues = queues
        self._turns = turns
        self._sleep = sleep
        self._clock = clock  # monotonic seconds

    def publish(
        self, queue: str, messages: Sequence[Outgoing], *, name: str, per_second: float, budget_seconds: float
    ) -> "Published":
        """Puts messages until all are written or the budget is spent. Raises: UnavailableError (retryable)."""
        size = max(1, min(BATCH_ENTRIES, floor(per_second)))
        # So many whole batches fit into a second; the last one of a page takes the turn of a whole one.
        interval = 1 / floor(per_second / size) if per_second >= 1 else min(1 / per_second, MAX_DELAY_SECONDS)
        units = ceil(interval * LEAST_RATE)  # no limit is slower: a long interval is several of its units
        until, written = self._clock() + budget_seconds, 0
        while written < len(messages):
            left = max(0.0, until - self._clock())
            turn = self._turns.take(name, units, share=units / interval, max_wait_seconds=left)
            if not turn.granted:
                return Published(written, max(left, interval))
            self._sleep(turn.wait_seconds)
            batch = messages[written : written + size]
            self._queues.put(queue, batch)
            written += len(batch)
        return Published(written, 0.0)


class Published(NamedTuple):
    """How many messages were written, and how long to wait before the next one."""

    messages: int
    wait_seconds: float
