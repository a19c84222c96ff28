"""The gate before a subsystem: what leaves, what is held, what answers teach."""

from collections.abc import Callable

import pytest

from chalicelib.flow.throttle import CallReport, Deadline, Throttle
from chalicelib.manifest import CONSUMERS
from chalicelib.storage.circuit_breakers import BreakerPolicy, CircuitBreakers
from chalicelib.storage.rate_limits import RateLimiter
from chalicelib.storage.rows.flow import LimitRow, SwitchRow
from tests.integration.control import mappings
from tests.integration.control.conftest import HandClock

SES = {queue for queue, spec in CONSUMERS.items() if spec.subsystem == "ses"}
RATE = 50.0
DOWN, WELL, SLOW = CallReport(failure="no_connection"), CallReport(), CallReport(slow_down=True)
QUOTA = CallReport(failure="daily_quota", quota_used_up=True)
OURS = CallReport(failure="provider_not_verified", at_once=True)


class Process:
    """A worker: a gate with its switches, its limiter, and how long it slept."""

    def __init__(self, clock: HandClock) -> None:
        self.slept: list[float] = []
        self.switches = CircuitBreakers(clock=clock, policy=BreakerPolicy(failures=5, probe_seconds=60))
        self.limiter = RateLimiter(clock=clock, default_rates=lambda _: RATE)
        self.deadline = Deadline(seconds=lambda: clock.seconds)
        self._clock = clock
        self.gate = Throttle(
            subsystem="ses",
            switches=self.switches,
            limiter=self.limiter,
            consumers=mappings.consumers(self.switches, clock),
            deadline=self.deadline,
            sleep=self._sleep,
        )

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._clock.seconds += seconds


@pytest.fixture
def make(steering: None, clock: HandClock) -> Callable[[], Process]:
    mappings.deploy()
    return lambda: Process(clock)


@pytest.fixture
def worker(make: Callable[[], Process]) -> Process:
    return make()


def outage(worker: Process) -> None:
    for _ in range(5):
        worker.gate.enter(1, lane="instant")
        worker.gate.learn([DOWN], lane="instant")


def test_what_every_call_would_be_told_opens_the_switch_at_once(worker: Process) -> None:
    """Promise D3."""
    worker.gate.enter(2, lane="instant")
    worker.gate.learn([OURS, OURS], lane="instant")

    switch = worker.switches.read("ses")
    assert (switch.state, switch.by, switch.reason) == ("open", "auto", "provider_not_verified")
    assert worker.gate.enter(1, lane="instant").units == 0


def test_a_closed_switch_lets_a_whole_batch_through(worker: Process) -> None:
    assert worker.gate.enter(50, lane="bulk").units == 50
    assert worker.slept == []


def test_the_pace_is_slept_for_and_never_longer_than_the_longest_wait(worker: Process) -> None:
    passes = [worker.gate.enter(50, lane="bulk") for _ in range(20)]

    assert all(one.units == 50 for one in passes)
    assert sum(worker.slept) == pytest.approx(19, rel=0.01)
    assert max(worker.slept) <= 4.0


def test_what_would_wait_too_long_is_put_aside_for_as_long(make: Callable[[], Process], clock: HandClock) -> None:
    make().limiter.take("ses.bulk", 500, max_wait_seconds=4)

    held = make().gate.enter(50, lane="bulk")
    assert held.units == 0
    assert held.come_back_seconds >= 4


def test_a_call_that_waits_for_its_turn_while_the_switch_is_thrown_does_not_leave(
    steering: None, clock: HandClock
) -> None:
    class Interrupted(Process):
        def _sleep(self, seconds: float) -> None:
            super()._sleep(seconds)
            self.switches.open("ses", by="anna", reason="a wrong price in the letter")

    mappings.deploy()
    worker = Interrupted(clock)
    worker.gate.enter(50, lane="bulk")

    held = worker.gate.enter(50, lane="bulk")
    assert worker.slept
    assert (held.units, held.come_back_seconds) == (0, 30)


def test_the_fifth_failure_opens_the_switch_and_turns_the_consumers_off_at_once(worker: Process) -> None:
    outage(worker)

    held = worker.gate.enter(50, lane="bulk")
    assert (held.units, held.come_back_seconds) == (0, 30)
    assert not mappings.are_on() & SES


def test_a_batch_with_one_good_answer_is_no_failure(worker: Process) -> None:
    for _ in range(10):
        worker.gate.learn([DOWN] * 49 + [WELL], lane="bulk")

    assert worker.switches.read("ses").state == "closed"


def test_a_batch_of_failures_counts_once(worker: Process) -> None:
    worker.gate.learn([DOWN] * 50, lane="bulk")

    assert worker.switches.read("ses").failures == 1


def test_a_probe_sends_one_letter_of_the_batch_and_holds_the_rest(worker: Process, clock: HandClock) -> None:
    outage(worker)
    clock.seconds += 60

    assert worker.gate.enter(50, lane="bulk").units == 1
    assert worker.gate.enter(49, lane="bulk").units == 0


def test_a_probe_of_what_cannot_be_divided_is_one_call(worker: Process, clock: HandClock) -> None:
    outage(worker)
    clock.seconds += 60

    assert worker.gate.enter(50, lane="bulk", divisible=False).units == 50
    assert worker.gate.enter(50, lane="bulk", divisible=False).units == 0


def test_an_answered_probe_turns_the_consumers_on_and_the_rate_to_a_tenth(worker: Process, clock: HandClock) -> None:
    outage(worker)
    clock.seconds += 60
    worker.gate.enter(50, lane="bulk")
    worker.gate.learn([WELL], lane="bulk")

    assert mappings.are_on() >= SES
    assert worker.gate.enter(50, lane="bulk").units == 5


def test_a_probe_that_is_throttled_says_nothing_and_the_switch_stays_open(worker: Process, clock: HandClock) -> None:
    outage(worker)
    clock.seconds += 60
    worker.gate.enter(50, lane="bulk")
    worker.gate.learn([SLOW], lane="bulk")

    assert worker.switches.read("ses").state == "open"


def test_a_probe_whose_letter_was_sent_before_leaves_the_probe_to_the_next(worker: Process, clock: HandClock) -> None:
    outage(worker)
    clock.seconds += 60
    assert worker.gate.enter(50, lane="bulk").units == 1
    worker.gate.learn([], lane="bulk")

    assert worker.gate.enter(49, lane="bulk").units == 1


def test_a_probe_that_its_limit_holds_back_is_not_lost(make: Callable[[], Process], clock: HandClock) -> None:
    worker, other = make(), make()
    outage(worker)
    clock.seconds += 60
    other.limiter.take("ses.bulk", 500, max_wait_seconds=4)

    assert other.gate.enter(50, lane="bulk").units == 0
    assert worker.gate.enter(1, lane="instant").units == 1


def test_a_worker_that_meets_an_open_switch_turns_its_consumers_off(
    make: Callable[[], Process], clock: HandClock
) -> None:
    worker, late = make(), make()
    outage(worker)
    clock.seconds += 60
    mappings.consumers(worker.switches, clock).follow()  # what `tick` does for the probe
    worker.gate.enter(1, lane="instant")
    assert mappings.are_on() >= SES

    late.gate.enter(1, lane="instant")
    assert not mappings.are_on() & SES


def test_throttling_slows_the_lane_down_and_is_no_failure(worker: Process) -> None:
    for _ in range(20):
        worker.gate.learn([SLOW] * 10, lane="bulk")

    assert worker.switches.read("ses").state == "closed"
    bulk, instant = worker.limiter.read_all(["ses.bulk", "ses.instant"])
    assert [bulk.current_per_second, instant.current_per_second] == pytest.approx([RATE / 2, RATE])


def test_a_days_quota_in_one_of_fifty_answers_opens_at_once_for_ten_minutes(worker: Process, clock: HandClock) -> None:
    worker.gate.learn([WELL] * 49 + [QUOTA], lane="bulk")

    seen = worker.switches.read("ses")
    assert (seen.state, seen.reason, seen.probe_at) == ("open", "daily_quota", clock.seconds + 600)
    assert not mappings.are_on() & SES


def test_learning_never_fails_what_was_sent(worker: Process) -> None:
    SwitchRow.delete_table()
    LimitRow.delete_table()

    for reports in ([WELL], [DOWN], [SLOW], [QUOTA], []):
        worker.gate.learn(reports, lane="bulk")


def test_near_the_end_of_an_invocation_no_call_begins_and_no_probe_is_taken(worker: Process, clock: HandClock) -> None:
    outage(worker)
    clock.seconds += 60
    worker.deadline.begin(30)
    clock.seconds += 16

    held = worker.gate.enter(1, lane="instant")
    assert (held.units, held.come_back_seconds) == (0, 1)
    worker.deadline.begin(30)
    assert worker.gate.enter(1, lane="instant").units == 1


def test_a_batch_of_slow_letters_ends_before_lambda_does(make: Callable[[], Process], clock: HandClock) -> None:
    worker = make()
    worker.limiter.set_rate("ses.instant", 0.5)
    worker.deadline.begin(30)
    began = clock.seconds
    passes = [worker.gate.enter(1, lane="instant").units for _ in range(10)]

    assert clock.seconds - began <= 15
    assert passes.count(1) >= 5
    assert passes[-1] == 0
