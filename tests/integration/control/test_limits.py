"""The shared limit over several processes: never faster, hardly any writes, nobody starves."""

import heapq
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from chalicelib.errors import InvalidError, UnavailableError
from chalicelib.storage.rate_limits import BLOCK_SECONDS, LEAST_RATE, RateLimiter
from chalicelib.storage.rows.flow import LimitRow
from tests.integration.control.conftest import START, HandClock
from tests.integration.control.requests_made import Requests

NAME = "ses.bulk"
RATE = 50.0
LEASE = RATE * BLOCK_SECONDS / 4  # the most that one lease takes
MAX_WAIT = 4.0
pytestmark = pytest.mark.usefixtures("steering")


@pytest.fixture
def make(clock: HandClock) -> Callable[[], RateLimiter]:
    """A limiter of another process."""
    return lambda: RateLimiter(clock=clock, default_rates=lambda _: RATE)


@pytest.fixture
def limiter(make: Callable[[], RateLimiter]) -> RateLimiter:
    return make()


def work(
    limiters: list[RateLimiter],
    clock: HandClock,
    *,
    seconds: float,
    units: int = 1,
    call_seconds: float = 0.002,
    share: float = 1.0,
) -> list[tuple[float, int, int]]:
    """Workers that ask, wait as they are told, call, and ask again: (moment, worker, units) of each call."""
    calls: list[tuple[float, int, int]] = []
    waiting = [(clock.seconds, n) for n in range(len(limiters))]
    end = clock.seconds + seconds
    while waiting:
        clock.seconds, n = heapq.heappop(waiting)
        if clock.seconds >= end:
            continue
        grant = limiters[n].take(NAME, units, max_wait_seconds=MAX_WAIT, share=share)
        leaves_at = clock.seconds + grant.wait_seconds
        if grant.granted and leaves_at < end:
            calls.append((leaves_at, n, grant.units))
        heapq.heappush(waiting, (leaves_at + call_seconds, n))
    clock.seconds = end
    return sorted(calls)


def most_in_any(window: float, calls: list[tuple[float, int, int]]) -> int:
    """The most units that left within so many seconds."""
    return max(sum(u for at, _, u in calls if start <= at < start + window) for start, _, _ in calls)


def sent(calls: list[tuple[float, int, int]]) -> int:
    return sum(units for _, _, units in calls)


@pytest.mark.parametrize("units", [1, 7, 50])
def test_eight_workers_keep_the_rate_in_every_window_and_use_it(
    make: Callable[[], RateLimiter], clock: HandClock, units: int
) -> None:
    calls = work([make() for _ in range(8)], clock, seconds=20, units=units)

    assert sent(calls) <= RATE * 20 + LEASE + units
    assert sent(calls) >= RATE * 20 * 0.9
    for window in (0.1, 1.0, 5.0):
        assert most_in_any(window, calls) <= RATE * window + LEASE + units


@pytest.mark.parametrize("call_seconds", [0.002, 0.02, 0.05, 0.1])
def test_eight_workers_write_once_for_ten_units_at_most_and_waste_little(
    make: Callable[[], RateLimiter], clock: HandClock, call_seconds: float
) -> None:
    requests = Requests()

    calls = work([make() for _ in range(8)], clock, seconds=20, call_seconds=call_seconds)

    assert requests.count("UpdateItem") <= 0.1 * sent(calls)
    assert sent(calls) >= RATE * 20 * 0.9


def test_workers_that_held_back_and_are_suddenly_quick_exceed_the_rate_by_a_block_at_most(
    make: Callable[[], RateLimiter], clock: HandClock
) -> None:
    limiters = [make() for _ in range(8)]
    slow = work(limiters, clock, seconds=10, call_seconds=0.15)
    quick = work(limiters, clock, seconds=5, call_seconds=0.0)

    for window in (0.1, 1.0, 5.0):
        assert most_in_any(window, slow + quick) <= RATE * window + RATE * BLOCK_SECONDS


def test_no_worker_starves(make: Callable[[], RateLimiter], clock: HandClock) -> None:
    calls = work([make() for _ in range(8)], clock, seconds=60)
    shares = [sum(1 for _, worker, _ in calls if worker == n) for n in range(8)]

    assert min(shares) >= 0.5 * sum(shares) / 8


def test_the_units_of_one_worker_leave_evenly(limiter: RateLimiter, clock: HandClock) -> None:
    moments = [at for at, _, _ in work([limiter], clock, seconds=4, call_seconds=0.0)]
    gaps = [after - before for before, after in pairwise(moments)]

    assert max(gaps) == pytest.approx(1 / RATE, rel=0.01)


def test_a_worker_that_calls_seldom_takes_no_time_from_the_others(make: Callable[[], RateLimiter]) -> None:
    make().take(NAME, 1, max_wait_seconds=MAX_WAIT)

    assert make().take(NAME, 1, max_wait_seconds=MAX_WAIT).wait_seconds == pytest.approx(1 / RATE)


def test_a_share_of_the_rate_is_kept(make: Callable[[], RateLimiter], clock: HandClock) -> None:
    calls = work([make() for _ in range(4)], clock, seconds=20, share=0.1)

    assert 0.8 * RATE * 2 <= sent(calls) <= RATE * 2 + 1 + RATE * 0.1 * BLOCK_SECONDS


def test_what_can_be_divided_goes_in_portions_of_a_second(limiter: RateLimiter) -> None:
    assert limiter.take(NAME, 50, share=0.1, max_wait_seconds=MAX_WAIT, divisible=True).units == 5
    assert limiter.take("ses.other", 50, share=0.001, max_wait_seconds=MAX_WAIT, divisible=True).units == 1
    assert limiter.take("ses.third", 50, max_wait_seconds=MAX_WAIT, divisible=True).units == 50


def test_what_cannot_be_divided_goes_at_once_and_the_debt_is_waited_for(limiter: RateLimiter, clock: HandClock) -> None:
    first = limiter.take(NAME, 50, share=0.1, max_wait_seconds=MAX_WAIT)
    assert (first.units, first.wait_seconds) == (50, 0)

    assert not limiter.take(NAME, 50, share=0.1, max_wait_seconds=MAX_WAIT).granted
    clock.seconds += 10 - MAX_WAIT + 1
    second = limiter.take(NAME, 50, share=0.1, max_wait_seconds=MAX_WAIT)
    assert second.units == 50
    assert second.wait_seconds == pytest.approx(MAX_WAIT - 1)


def test_nobody_is_told_to_wait_longer_than_they_can(make: Callable[[], RateLimiter]) -> None:
    grants = [make().take(NAME, 25, max_wait_seconds=1.0) for _ in range(6)]

    assert [grant.units for grant in grants] == [25, 25, 25, 0, 0, 0]
    assert [grant.wait_seconds for grant in grants[:3]] == pytest.approx([0, 0.5, 1.0])


def test_being_refused_costs_no_write(make: Callable[[], RateLimiter]) -> None:
    make().take(NAME, 500, max_wait_seconds=MAX_WAIT)
    late = make()
    requests = Requests()

    for _ in range(20):
        assert not late.take(NAME, 1, max_wait_seconds=MAX_WAIT).granted
    assert (requests.count("UpdateItem"), requests.count("GetItem")) == (0, 1)


def test_the_rest_of_a_lease_is_void_when_its_time_is_over(make: Callable[[], RateLimiter], clock: HandClock) -> None:
    a, b = make(), make()
    a.take(NAME, 1, max_wait_seconds=MAX_WAIT)
    clock.seconds += BLOCK_SECONDS + 0.01
    requests = Requests()

    a.take(NAME, 1, max_wait_seconds=MAX_WAIT)
    b.take(NAME, 1, max_wait_seconds=MAX_WAIT)
    assert requests.count("UpdateItem") == 2


def test_a_lease_that_begins_later_is_not_used_before(make: Callable[[], RateLimiter]) -> None:
    make().take(NAME, 100, max_wait_seconds=MAX_WAIT)
    late = make()

    waits = [late.take(NAME, 1, max_wait_seconds=MAX_WAIT).wait_seconds for _ in range(5)]
    assert waits == pytest.approx([2.0, 2.02, 2.04, 2.06, 2.08])


def test_leases_taken_at_the_same_moment_follow_each_other(make: Callable[[], RateLimiter], clock: HandClock) -> None:
    limiters = [make() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        grants = list(pool.map(lambda one: one.take(NAME, 25, max_wait_seconds=60), limiters))

    got = sorted(grant.wait_seconds for grant in grants if grant.granted)
    assert got == pytest.approx([0.5 * n for n in range(len(got))])
    assert len(got) >= 5  # who lost every race comes back later
    assert LimitRow.get(NAME).free_at == pytest.approx(clock.seconds + 0.5 * len(got))


def test_after_being_told_to_slow_down_the_pace_is_halved_for_all(
    make: Callable[[], RateLimiter], clock: HandClock
) -> None:
    limiters = [make() for _ in range(4)]
    work(limiters, clock, seconds=5)
    limiters[0].slow_down(NAME)
    clock.seconds += 3  # what was reserved before runs out

    assert sent(work(limiters, clock, seconds=5)) < 0.75 * RATE * 5


def test_of_many_who_are_told_at_the_same_time_one_halves(make: Callable[[], RateLimiter], clock: HandClock) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: one.slow_down(NAME), [make() for _ in range(8)]))

    assert LimitRow.get(NAME).factor == pytest.approx(0.5)


def test_throttling_that_goes_on_brings_the_pace_down_within_five_seconds_but_never_to_nothing(
    make: Callable[[], RateLimiter], clock: HandClock
) -> None:
    for _ in range(30):
        make().slow_down(NAME)
        clock.seconds += 1.1

    [limit] = make().read_all([NAME])
    assert 0.05 * RATE <= limit.current_per_second <= 0.1 * RATE
    assert limit.rate_per_second == RATE


def test_the_pace_comes_back_within_a_minute(limiter: RateLimiter, clock: HandClock) -> None:
    limiter.slow_down(NAME)
    paces = []
    for _ in range(7):
        paces.append(limiter.read_all([NAME])[0].current_per_second)
        clock.seconds += 10

    assert paces == sorted(paces)
    assert [paces[0], paces[-1]] == pytest.approx([RATE / 2, RATE])


def test_a_fresh_process_that_is_told_to_slow_down_does_not_speed_up_the_others(
    make: Callable[[], RateLimiter], clock: HandClock
) -> None:
    for _ in range(4):
        make().slow_down(NAME)
        clock.seconds += 1.1
    before = make().read_all([NAME])[0].current_per_second

    make().slow_down(NAME)
    assert make().read_all([NAME])[0].current_per_second < before


def test_a_new_rate_is_followed_by_all_within_seconds_up_and_down(
    make: Callable[[], RateLimiter], clock: HandClock
) -> None:
    limiters = [make() for _ in range(4)]
    work(limiters, clock, seconds=3)

    make().set_rate(NAME, 200)
    clock.seconds += 1
    assert sent(work(limiters, clock, seconds=5)) == pytest.approx(200 * 5, rel=0.15)
    make().set_rate(NAME, 20)
    clock.seconds += 3
    assert sent(work(limiters, clock, seconds=5)) <= 20 * 5 + 20


def test_a_process_that_was_idle_takes_no_block_of_the_old_rate(
    make: Callable[[], RateLimiter], clock: HandClock
) -> None:
    idle = make()
    make().set_rate(NAME, 1000)
    idle.take(NAME, 1, max_wait_seconds=MAX_WAIT)
    make().set_rate(NAME, 10)
    clock.seconds += 3600

    assert sent(work([idle], clock, seconds=2, call_seconds=0.0)) <= 10 * 2 + 10 * BLOCK_SECONDS + 1


def test_nobody_waits_for_what_was_reserved_at_a_rate_that_was_much_too_low(make: Callable[[], RateLimiter]) -> None:
    make().set_rate(NAME, LEAST_RATE)
    make().take(NAME, 50, max_wait_seconds=MAX_WAIT)  # 500 seconds of it
    make().set_rate(NAME, 100)

    assert make().take(NAME, 50, max_wait_seconds=MAX_WAIT).wait_seconds == 0


@pytest.mark.parametrize("rate", [0, -1, LEAST_RATE / 2, 100_001, float("nan"), float("inf")])
def test_a_rate_that_would_stop_everything_or_limit_nothing_is_refused(limiter: RateLimiter, rate: float) -> None:
    with pytest.raises(InvalidError, match="rate_per_second"):
        limiter.set_rate(NAME, rate)
    assert list(LimitRow.scan()) == []


def test_a_clock_that_goes_back_a_little_waits_and_is_not_faster(limiter: RateLimiter, clock: HandClock) -> None:
    work([limiter], clock, seconds=2)
    clock.seconds -= 2

    assert sent(work([limiter], clock, seconds=5)) <= RATE * 5 + RATE * BLOCK_SECONDS


def test_a_clock_that_goes_back_an_hour_stops_nobody(limiter: RateLimiter, clock: HandClock) -> None:
    limiter.slow_down(NAME)
    work([limiter], clock, seconds=2)
    clock.seconds -= 3600

    assert sent(work([limiter], clock, seconds=5)) > 0.4 * RATE * 5


def test_one_worker_whose_clock_is_an_hour_ahead_does_not_stop_the_others(make: Callable[[], RateLimiter]) -> None:
    ahead = RateLimiter(clock=HandClock(START + 3600), default_rates=lambda _: RATE)
    ahead.take(NAME, 1, max_wait_seconds=MAX_WAIT)

    assert make().take(NAME, 1, max_wait_seconds=MAX_WAIT).granted


def test_limits_do_not_know_of_each_other(limiter: RateLimiter) -> None:
    limiter.take("ses.bulk", 1000, max_wait_seconds=MAX_WAIT)

    assert limiter.take("ses.instant", 1, max_wait_seconds=MAX_WAIT).wait_seconds == 0


def test_without_its_table_a_limit_lets_nothing_pass(limiter: RateLimiter) -> None:
    LimitRow.delete_table()

    with pytest.raises(UnavailableError):
        limiter.take(NAME, 1, max_wait_seconds=MAX_WAIT)
