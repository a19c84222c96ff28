"""A switch as people and workers see it: the ramp, the next probe."""

from typing import Any

import pytest

from chalicelib.storage.circuit_breakers import BreakerPolicy, CircuitBreaker
from chalicelib.storage.rows.flow import SwitchRow

POLICY = BreakerPolicy(ramp_seconds=300)


def switch(at: float, **row: Any) -> CircuitBreaker:
    return CircuitBreaker.of(SwitchRow("ses", **row), POLICY, at)


def test_a_switch_that_nobody_has_touched_is_closed() -> None:
    assert (switch(0).state, switch(0).share) == ("closed", 1.0)


def test_a_ramp_begins_at_ten_percent_never_falls_and_ends_closed_at_the_full_rate() -> None:
    shares = [switch(1000 + second, state="ramping", changed_at=1000).share for second in range(0, 320, 5)]

    assert shares[0] == pytest.approx(0.1)
    assert shares == sorted(shares)
    assert shares[30] == pytest.approx(0.55)
    assert switch(1299, state="ramping", changed_at=1000).state == "ramping"
    assert (shares[60], switch(1300, state="ramping", changed_at=1000).state) == (1.0, "closed")


def test_a_ramp_that_began_in_the_future_of_this_clock_stands_at_ten_percent() -> None:
    assert switch(900, state="ramping", changed_at=1000).share == pytest.approx(0.1)


def test_a_ramp_of_no_time_is_not_a_division_by_zero() -> None:
    assert (
        CircuitBreaker.of(SwitchRow("ses", state="ramping", changed_at=10), BreakerPolicy(ramp_seconds=0), 12).share
        == 1.0
    )


def test_an_open_switch_lets_nothing_through_and_says_when_its_probe_is_due() -> None:
    early = switch(1059, state="open", by="auto", probe_at=1060)
    due = switch(1060, state="open", by="auto", probe_at=1060)

    assert (early.share, early.probe_at, early.probe_due) == (0.0, 1060, False)
    assert due.probe_due


def test_a_switch_opened_by_hand_has_no_probe() -> None:
    by_hand = switch(10_000, state="open", by="key:ops", probe_at=1060)

    assert (by_hand.probe_at, by_hand.probe_due) == (None, False)
