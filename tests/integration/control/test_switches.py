"""Switches over several processes: when they open, what goes through, how they come back."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from chalicelib.errors import NotFoundError, UnavailableError
from chalicelib.manifest import SUBSYSTEMS
from chalicelib.storage.circuit_breakers import BreakerPolicy, CallPermit, CircuitBreakers
from chalicelib.storage.rows.flow import SwitchRow
from tests.integration.control.conftest import HandClock
from tests.integration.control.requests_made import Requests

POLICY = BreakerPolicy(failures=5, window_seconds=60, probe_seconds=60, ramp_seconds=300)
CLOSED, HELD = CallPermit(True), CallPermit(False, share=0.0)
pytestmark = pytest.mark.usefixtures("steering")


@pytest.fixture
def processes(clock: HandClock) -> list[CircuitBreakers]:
    """Ten workers."""
    return [CircuitBreakers(clock=clock, policy=POLICY) for _ in range(10)]


@pytest.fixture
def a(processes: list[CircuitBreakers]) -> CircuitBreakers:
    return processes[0]


@pytest.fixture
def b(processes: list[CircuitBreakers]) -> CircuitBreakers:
    return processes[1]


def outage(switches: CircuitBreakers) -> None:
    for _ in range(POLICY.failures):
        switches.failed("ses", "no_connection")


def recovered(switches: CircuitBreakers, clock: HandClock) -> None:
    outage(switches)
    clock.seconds += 60
    assert switches.admit("ses").probe
    assert switches.succeeded("ses")


def test_five_failures_of_five_processes_open_the_switch_for_all(
    processes: list[CircuitBreakers], clock: HandClock
) -> None:
    opened = []
    for process in processes[:5]:
        opened.append(process.failed("ses", "no_connection"))
        clock.seconds += 1

    assert opened == [False, False, False, False, True]
    assert all(process.admit("ses") == HELD for process in processes)
    seen = processes[7].read("ses")
    assert (seen.state, seen.by, seen.reason) == ("open", "auto", "no_connection")


def test_first_failures_at_the_same_moment_all_count(processes: list[CircuitBreakers]) -> None:
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda process: process.failed("ses", "no_connection"), processes[:5]))

    assert processes[9].read("ses").state == "open"


def test_failures_further_apart_than_the_window_never_add_up(
    a: CircuitBreakers, b: CircuitBreakers, clock: HandClock
) -> None:
    for _ in range(10):
        assert not a.failed("ses", "no_connection")
        clock.seconds += 61

    assert b.read("ses").state == "closed"


def test_an_answer_to_any_process_starts_the_count_again(
    a: CircuitBreakers, b: CircuitBreakers, clock: HandClock
) -> None:
    for _ in range(4):
        a.failed("ses", "no_connection")
    clock.seconds += 1
    b.succeeded("ses")
    clock.seconds += 1

    assert not a.failed("ses", "no_connection")
    assert a.read("ses").failures == 1


def test_a_tenth_of_bad_calls_over_ten_busy_processes_opens_nothing(
    processes: list[CircuitBreakers], clock: HandClock
) -> None:
    for call in range(600):
        process = processes[call % 10]
        clock.seconds += 0.01
        if (call // 10) % 10 == process_number(processes, process):
            process.failed("ses", "reply_lost")
        else:
            process.succeeded("ses")

    assert processes[0].read("ses").state == "closed"


def test_a_worker_that_is_answered_is_not_counted_with_the_failures_before(
    a: CircuitBreakers, b: CircuitBreakers, clock: HandClock
) -> None:
    b.admit("ses")
    for _ in range(4):
        a.failed("ses", "reply_lost")
    clock.seconds += 0.1
    b.succeeded("ses")  # within its second it still sees no failures, and writes nothing
    clock.seconds += 0.1

    assert not b.failed("ses", "reply_lost")
    assert b.read("ses").failures == 1


def process_number(processes: list[CircuitBreakers], process: CircuitBreakers) -> int:
    return next(n for n, one in enumerate(processes) if one is process)


def test_good_calls_write_nothing_and_read_once_a_second(a: CircuitBreakers, clock: HandClock) -> None:
    requests = Requests()
    for _ in range(100):
        a.admit("ses")
        a.succeeded("ses")
        clock.seconds += 0.01

    assert requests.count() <= 2
    assert list(SwitchRow.scan()) == []


def test_a_switch_thrown_elsewhere_is_obeyed_within_a_second(
    a: CircuitBreakers, b: CircuitBreakers, clock: HandClock
) -> None:
    assert a.admit("ses") == CLOSED
    b.open("ses", by="key:ops", reason="a bad letter")

    clock.seconds += 1
    assert a.admit("ses") == HELD


def test_a_clock_that_is_set_back_does_not_keep_an_old_state_alive(
    a: CircuitBreakers, b: CircuitBreakers, clock: HandClock
) -> None:
    assert a.admit("ses") == CLOSED
    b.open("ses", by="key:ops", reason="a bad letter")

    clock.seconds -= 3600
    assert a.admit("ses") == HELD


def test_of_ten_workers_that_ask_at_once_one_probes_in_each_interval(
    processes: list[CircuitBreakers], clock: HandClock
) -> None:
    outage(processes[0])
    probes = []
    for _ in range(3):
        clock.seconds += 60
        with ThreadPoolExecutor(10) as pool:
            probes.append([one.probe for one in pool.map(lambda p: p.admit("ses"), processes)].count(True))

    assert probes == [1, 1, 1]


def test_before_the_interval_is_over_nobody_probes(processes: list[CircuitBreakers], clock: HandClock) -> None:
    outage(processes[0])
    clock.seconds += 59

    assert all(process.admit("ses") == HELD for process in processes)


def test_a_worker_that_dies_with_the_probe_costs_one_interval(
    a: CircuitBreakers, b: CircuitBreakers, clock: HandClock
) -> None:
    outage(a)
    clock.seconds += 60
    assert a.admit("ses").probe  # and is never heard of again

    clock.seconds += 59
    assert b.admit("ses") == HELD
    clock.seconds += 1
    assert b.admit("ses").probe


def test_a_probe_that_was_no_call_after_all_is_given_to_another_at_once(
    a: CircuitBreakers, b: CircuitBreakers, clock: HandClock
) -> None:
    outage(a)
    clock.seconds += 60
    assert a.admit("ses").probe
    a.give_back("ses")

    assert b.admit("ses").probe


def test_giving_back_a_probe_that_another_has_taken_since_changes_nothing(
    a: CircuitBreakers, b: CircuitBreakers, clock: HandClock
) -> None:
    outage(a)
    clock.seconds += 60
    a.admit("ses")
    clock.seconds += 60
    assert b.admit("ses").probe
    a.give_back("ses")

    clock.seconds += 2
    assert a.admit("ses") == HELD


def test_the_answer_to_a_probe_ends_the_outage_at_a_tenth_of_the_rate(
    a: CircuitBreakers, b: CircuitBreakers, clock: HandClock
) -> None:
    recovered(a, clock)
    clock.seconds += 1

    assert b.admit("ses").share == pytest.approx(0.1, abs=0.01)
    assert b.read("ses").state == "ramping"


def test_the_late_answer_to_a_call_from_before_ends_no_outage(
    a: CircuitBreakers, b: CircuitBreakers, clock: HandClock
) -> None:
    outage(a)
    clock.seconds += 2

    assert not b.succeeded("ses")
    assert b.read("ses").state == "open"


def test_a_failed_probe_keeps_the_switch_open_until_the_next(
    a: CircuitBreakers, b: CircuitBreakers, clock: HandClock
) -> None:
    outage(a)
    clock.seconds += 60
    a.admit("ses")

    assert a.failed("ses", "no_connection")
    assert b.admit("ses") == HELD
    clock.seconds += 60
    assert b.admit("ses").probe


def test_a_late_word_of_a_failed_probe_does_not_end_the_outage(a: CircuitBreakers, clock: HandClock) -> None:
    outage(a)
    clock.seconds += 60
    a.admit("ses")
    a.failed("ses", "no_connection")

    assert not a.succeeded("ses")
    assert a.read("ses").state == "open"


def test_the_ramp_rises_over_its_minutes_and_ends_closed(
    a: CircuitBreakers, b: CircuitBreakers, clock: HandClock
) -> None:
    recovered(a, clock)
    shares = []
    for _ in range(31):
        shares.append(b.admit("ses").share)
        b.succeeded("ses")
        clock.seconds += 10

    assert shares[0] == pytest.approx(0.1)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    row = SwitchRow.get("ses")
    assert (row.state, row.reason) == ("closed", "the ramp is over")


def test_failures_in_the_ramp_open_it_again_and_the_next_ramp_begins_at_a_tenth(
    a: CircuitBreakers, clock: HandClock
) -> None:
    recovered(a, clock)
    clock.seconds += 200
    assert a.admit("ses").share > 0.5
    outage(a)
    assert a.read("ses").state == "open"

    clock.seconds += 60
    a.admit("ses")
    a.succeeded("ses")
    assert a.admit("ses").share == pytest.approx(0.1)


def test_a_worker_that_still_sees_the_old_ramp_does_not_close_the_new_one(
    a: CircuitBreakers, b: CircuitBreakers, clock: HandClock
) -> None:
    recovered(a, clock)
    clock.seconds += 300
    b.admit("ses")  # knows the ramp as over
    outage(a)
    a.close("ses", by="key:ops", reason="repaired")

    b.succeeded("ses")
    assert a.read("ses").state == "ramping"


def test_a_days_quota_opens_at_once_and_is_asked_for_every_ten_minutes(
    a: CircuitBreakers, b: CircuitBreakers, clock: HandClock
) -> None:
    assert a.failed("ses", "daily_quota", at_once=True, probe_seconds=600)

    clock.seconds += 599
    assert b.admit("ses") == HELD
    clock.seconds += 1
    assert b.admit("ses").probe
    b.failed("ses", "daily_quota", at_once=True, probe_seconds=600)
    clock.seconds += 599
    assert a.admit("ses") == HELD


def test_a_probe_that_meets_the_days_quota_slows_the_probes_down(a: CircuitBreakers, clock: HandClock) -> None:
    outage(a)
    clock.seconds += 60
    a.admit("ses")
    a.failed("ses", "daily_quota", at_once=True, probe_seconds=600)

    assert a.read("ses").reason == "daily_quota"
    clock.seconds += 599
    assert a.admit("ses") == HELD
    clock.seconds += 1
    assert a.admit("ses").probe


def test_the_probes_after_a_quota_are_those_of_the_policy_again(a: CircuitBreakers, clock: HandClock) -> None:
    a.failed("ses", "daily_quota", at_once=True, probe_seconds=600)
    a.close("ses", by="key:ops", reason="a new day")
    clock.seconds += 1
    outage(a)

    clock.seconds += 60
    assert a.admit("ses").probe


def test_what_a_person_opened_is_never_probed(a: CircuitBreakers, b: CircuitBreakers, clock: HandClock) -> None:
    a.open("ses", by="key:ops", reason="a bad letter")
    for _ in range(20):
        clock.seconds += 3600
        assert b.admit("ses") == HELD
    assert b.read("ses").probe_at is None


def test_what_a_person_opened_is_not_touched_by_failures_or_answers(
    a: CircuitBreakers, b: CircuitBreakers, clock: HandClock
) -> None:
    b.admit("ses")  # remembers it as closed
    a.open("ses", by="key:ops", reason="a bad letter")
    for _ in range(10):
        b.failed("ses", "no_connection")
        b.failed("ses", "daily_quota", at_once=True, probe_seconds=600)
        b.succeeded("ses")

    clock.seconds += 3600
    seen = b.read("ses")
    assert (seen.state, seen.by, seen.reason) == ("open", "key:ops", "a bad letter")
    assert b.admit("ses") == HELD


def test_a_person_who_opens_while_a_probe_is_under_way_is_not_overruled_by_its_answer(
    a: CircuitBreakers, b: CircuitBreakers, clock: HandClock
) -> None:
    outage(a)
    clock.seconds += 60
    assert a.admit("ses").probe
    b.open("ses", by="key:ops", reason="stay down")

    assert not a.succeeded("ses")  # still remembers the switch as its own
    assert b.read("ses").by == "key:ops"


def test_a_person_takes_over_a_switch_that_opened_by_itself(a: CircuitBreakers, clock: HandClock) -> None:
    outage(a)
    a.open("ses", by="key:ops", reason="stay down")
    clock.seconds += 3600

    assert a.admit("ses") == HELD


def test_closing_by_hand_begins_the_ramp_and_keeps_who_and_why(a: CircuitBreakers, clock: HandClock) -> None:
    a.open("ses", by="key:ops", reason="a bad letter")

    seen = a.close("ses", by="key:anna", reason="the letter is fixed")
    assert (seen.state, seen.by, seen.reason) == ("ramping", "key:anna", "the letter is fixed")
    assert seen.share == pytest.approx(0.1)


def test_closing_by_hand_without_a_ramp_gives_the_full_rate(a: CircuitBreakers) -> None:
    a.open("ses", by="key:ops", reason="a bad letter")

    assert a.close("ses", by="key:ops", reason="a false alarm", ramp=False).share == 1.0


def test_closing_what_is_not_open_does_not_slow_it_down(a: CircuitBreakers, clock: HandClock) -> None:
    assert a.close("ses", by="key:ops", reason="to be sure").share == 1.0
    recovered(a, clock)
    clock.seconds += 150
    share = a.admit("ses").share

    assert a.close("ses", by="key:ops", reason="to be sure").share == share


def test_switches_do_not_know_of_each_other(a: CircuitBreakers) -> None:
    a.open("ses", by="key:ops", reason="a bad letter")

    assert [one.name for one in a.read_all() if one.state == "open"] == ["ses"]
    assert [one.name for one in a.read_all()] == list(SUBSYSTEMS)
    assert a.admit("profiles") == CLOSED


@pytest.mark.parametrize("act", ["read", "open", "close"])
def test_an_unknown_subsystem_is_named_with_those_that_exist(a: CircuitBreakers, act: str) -> None:
    given = {} if act == "read" else {"by": "key:ops", "reason": "x"}
    with pytest.raises(NotFoundError, match="profiles, ses"):
        getattr(a, act)("smtp", **given)
    assert list(SwitchRow.scan()) == []


def test_without_its_table_a_switch_says_so_and_lets_nothing_pass(a: CircuitBreakers) -> None:
    SwitchRow.delete_table()

    with pytest.raises(UnavailableError):
        a.admit("ses")


def test_the_moments_of_a_switch_are_epoch_seconds(a: CircuitBreakers, clock: HandClock) -> None:
    changed_at = a.open("ses", by="key:ops", reason="x").changed_at

    assert changed_at is not None
    assert datetime.fromtimestamp(changed_at, clock().tzinfo) == clock()
