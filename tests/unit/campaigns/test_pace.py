"""How fast a run goes."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.campaigns.pacing import MAX_SHARDS, USERS_A_SHARD, Pace, Publisher, shard_count
from chalicelib.flow.queues import Outgoing
from chalicelib.storage.rate_limits import Grant


class CountingQueue:
    """A queue that remembers when each message was written; its sleep is the clock, and one turn follows another."""

    def __init__(self) -> None:
        self.now = 0.0
        self.written: list[float] = []
        self._free_at = 0.0

    def put(self, queue: str, messages: Sequence[Outgoing]) -> None:
        self.written += [self.now] * len(messages)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def clock(self) -> float:
        return self.now

    def take(self, name: str, units: int, *, share: float, max_wait_seconds: float) -> Grant:
        """See `Turns`."""
        wait = max(0.0, self._free_at - self.now)
        if wait > max_wait_seconds:
            return Grant(0, max_wait_seconds)
        self._free_at = self.now + wait + units / share
        return Grant(units, wait)

    def peak(self) -> int:
        """The most messages that were written within any second."""
        return max(sum(at <= other < at + 1 - 1e-9 for other in self.written) for at in self.written)


@given(per_second=st.floats(0.2, 500), count=st.integers(1, 200))
def test_in_no_second_more_messages_are_written_than_the_pace(per_second: float, count: int) -> None:
    queue = CountingQueue()
    publisher = Publisher(queue, turns=queue, sleep=queue.sleep, clock=queue.clock)
    left = [Outgoing("x")] * count

    while left:
        done = publisher.publish("q", left, name="c", per_second=per_second, budget_seconds=2)
        assert done.messages > 0 or done.wait_seconds > 0
        left = left[done.messages :]
        queue.sleep(done.wait_seconds)  # as the delay of the next message does

    assert len(queue.written) == count
    assert queue.peak() <= max(1, per_second)


@given(rate=st.floats(0.1, 10_000), sizes=st.lists(st.integers(1, 50), min_size=1, max_size=50))
def test_delays_spread_letters_at_the_rate(rate: float, sizes: list[int]) -> None:
    delays, letters_at = Pace(rate, 100).delays(sizes, now=1000.0, letters_at=0.0)

    assert delays == sorted(delays)
    assert letters_at == pytest.approx(1000 + sum(sizes) / rate)
    assert all(delay <= letters_at - 1000 for delay in delays)


def test_a_small_audience_is_not_divided() -> None:
    assert shard_count(10_000, users=USERS_A_SHARD) == 1
    assert shard_count(10_000, users=USERS_A_SHARD + 1) == 2
    assert shard_count(10_000, users=0) == 1


@given(rate=st.floats(0.1, 10_000), users=st.integers(0, 10_000_000))
def test_a_chunk_is_never_more_than_a_second_of_the_rate(rate: float, users: int) -> None:
    shards = shard_count(rate, users=users)
    pace = Pace(rate / shards, 100)

    assert 1 <= shards <= MAX_SHARDS
    assert 1 <= pace.chunk_size <= max(1, min(50, rate / shards))
    assert pace.page_size >= pace.chunk_size
