"""How long an invocation may begin calls."""

from math import inf

import pytest

from chalicelib.flow.throttle import RESERVE_SECONDS, Deadline


def test_outside_of_an_invocation_there_is_no_end() -> None:
    assert Deadline(seconds=lambda: 5.0).seconds_left() == inf


def test_calls_end_early_enough_for_the_last_of_them_to_be_recorded() -> None:
    seconds = [100.0]
    deadline = Deadline(seconds=lambda: seconds[0])
    deadline.begin(30)

    assert deadline.seconds_left() == pytest.approx(30 - RESERVE_SECONDS)
    seconds[0] += 20
    assert deadline.seconds_left() < 0


def test_a_worker_with_a_short_timeout_still_gets_half_of_it() -> None:
    deadline = Deadline(seconds=lambda: 100.0)
    deadline.begin(10)

    assert deadline.seconds_left() == pytest.approx(5)


def test_an_invocation_without_an_end_has_all_the_time() -> None:
    deadline = Deadline(seconds=lambda: 100.0)
    deadline.begin(inf)

    assert deadline.seconds_left() == inf


def test_every_invocation_is_told_from_the_one_before() -> None:
    deadline = Deadline(seconds=lambda: 100.0)
    before = deadline.invocation
    deadline.begin(30)

    assert deadline.invocation != before
