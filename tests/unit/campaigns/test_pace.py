"""How fast a run goes."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.campaigns.pace import MAX_SHARDS, USERS_A_SHARD, Pace, Publisher, shard_count
from chalicelib.control.queues import Outgoing


class CountingQueue:
    """A queue that remembers when each message was written; its sleep is the clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.written: list[float] = []

    def put(self, queue: str, messages: Sequence[Outgoing]) -> None:
        self.written += [self.now] * len(messages)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def clock(self) -> float:
        return self.now

    def peak(self) -> int:
        """The most messages that were written within any second."""
        return max(sum(at <= other < at + 1 - 1e-9 for other in self.written) for at in self.written)


@given(per_second=st.floats(0.2, 500), count=st.integers(1, 200))
def test_in_no_second_more_messages_are_written_than_the_pace(per_second: float, count: int) -> None:
    queue = CountingQueue()
    publisher = Publisher(queue, sleep=queue.sleep, clock=queue.clock)
    left = [Outgoing("x")] * count

    while left:
        done = publisher.publish("q", left, per_second=per_second, budget_seconds=2)
        assert done.messages > 0
        left = left[done.messages :]
        queue.sleep(done.wait_seconds)  # as the delay of the next message does

    assert len(queue.written) == count
    assert queue.peak() <= max(1, per_second)


def test_a_pace_that_is_lowered_holds_from_the_next_page_on() -> None:
    queue = CountingQueue()
    publisher = Publisher(queue, sleep=queue.sleep, clock=queue.clock)

    publisher.publish("q", [Outgoing("x")] * 100, per_second=100, budget_seconds=10)
    changed_at = queue.now
    publisher.publish("q", [Outgoing("x")] * 20, per_second=5, budget_seconds=60)

    later = [at for at in queue.written if at >= changed_at]
    assert max(sum(at <= other < at + 1 - 1e-9 for other in later) for at in later) <= 5


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
