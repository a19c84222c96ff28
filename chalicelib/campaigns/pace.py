"""How fast a run goes: letters a second, as delays of its chunks, and messages a second, as pauses of the publisher.
Both are read anew for every page, so that they may be changed while a run goes on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor

from chalicelib.control.queues import BATCH_ENTRIES, JobQueue, Outgoing
from chalicelib.pipeline.jobs import CHUNK_SIZE

MAX_SHARDS = 8
USERS_A_SHARD = 5000  # a smaller part costs more to look after than it gains: the chunk at its end is not full
PAGE_SIZE = 1000
AHEAD_SECONDS = 60.0  # so far ahead of its letters' time a run publishes: a change of pace acts within it


def shard_count(rate_per_second: float, *, users: int) -> int:
    """How many parallel shards a run of this rate over about so many users is worth: each can fill a whole chunk every
    second, and has enough to fill chunks with."""
    return max(1, min(MAX_SHARDS, floor(rate_per_second / CHUNK_SIZE), ceil(users / USERS_A_SHARD)))


@dataclass(frozen=True)
class Pace:
    """One shard's part of a run's pace."""

    letters_per_second: float
    messages_per_second: float

    @property
    def chunk_size(self) -> int:
        """Letters in a chunk: no more than leave in a second."""
        return max(1, min(CHUNK_SIZE, floor(self.letters_per_second)))

    @property
    def page_size(self) -> int:
        """Users to look at before the next look at the pace."""
        return max(self.chunk_size, min(PAGE_SIZE, floor(self.letters_per_second * AHEAD_SECONDS)))

    def delays(self, sizes: Sequence[int], *, now: float, letters_at: float) -> tuple[list[int], float]:
        """DelaySeconds for chunks of these sizes, and when the letter after them may leave. Times are epoch seconds."""
        delays, at = [], max(now, letters_at)
        for size in sizes:
            delays.append(max(0, floor(at - now)))
            at += size / self.letters_per_second
        return delays, at


class Publisher:
    """Puts messages into a queue so evenly that in no second more than the pace are written."""

    def __init__(self, queues: JobQueue, *, sleep: Callable[[float], None], clock: Callable[[], float]) -> None:
        self._queues = queues
        self._sleep = sleep
        self._clock = clock  # seconds that never go back

    def publish(
        self, queue: str, messages: Sequence[Outgoing], *, per_second: float, budget_seconds: float
    ) -> "Published":
        """Puts messages until all are written or the budget is spent; at least one batch is. Raises: UnavailableError
        (retryable)."""
        size = max(1, min(BATCH_ENTRIES, floor(per_second)))
        interval = 1 / floor(per_second / size) if per_second >= 1 else 1 / per_second
        until, written = self._clock() + budget_seconds, 0
        while written < len(messages) and (written == 0 or self._clock() < until):
            batch = messages[written : written + size]
            self._queues.put(queue, batch)
            written += len(batch)
            if interval > budget_seconds:  # too long to be waited for here: the next message waits in its queue
                return Published(written, interval)
            self._sleep(interval)
        return Published(written, 0.0)


@dataclass(frozen=True)
class Published:
    """How many messages were written, and how long to wait before the next one."""

    messages: int
    wait_seconds: float
