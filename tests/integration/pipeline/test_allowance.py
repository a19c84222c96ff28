"""How often one person may ask for something."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.errors import TooManyRequestsError
from chalicelib.storage.allowances import Allowances


def test_an_allowance_ends_and_comes_back_with_the_next_window(stage: None) -> None:
    moment = [datetime(2026, 11, 22, 12, 1, tzinfo=UTC)]
    allowances = Allowances(clock=lambda: moment[0])
    for _ in range(3):
        allowances.take("confirm#u-1", times=3, minutes=10)

    with pytest.raises(TooManyRequestsError) as refusal:
        allowances.take("confirm#u-1", times=3, minutes=10)

    assert refusal.value.retry_after_seconds == 9 * 60
    allowances.take("confirm#u-2", times=3, minutes=10)
    moment[0] += timedelta(seconds=refusal.value.retry_after_seconds)
    allowances.take("confirm#u-1", times=3, minutes=10)


def test_what_is_given_back_can_be_taken_again(stage: None) -> None:
    allowances = Allowances(clock=lambda: datetime(2026, 11, 22, 12, 1, tzinfo=UTC))
    taken = allowances.take("sign-in#olga", times=1, minutes=15)
    allowances.give_back(taken)
    allowances.take("sign-in#olga", times=1, minutes=15)
    with pytest.raises(TooManyRequestsError):
        allowances.take("sign-in#olga", times=1, minutes=15)
