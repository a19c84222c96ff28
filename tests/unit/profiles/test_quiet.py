"""Quiet hours are the user's own, midnight and the change of clocks included."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.pipeline.eligibility import quiet_until


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "now", "until"),
    [
        ("Europe/Moscow", "2026-11-22T18:59", None),  # 21:59 in Moscow
        ("Europe/Moscow", "2026-11-22T19:00", "2026-11-23T05:00"),  # 22:00
        ("Europe/Moscow", "2026-11-22T23:30", "2026-11-23T05:00"),  # 02:30 of the next day
        ("Europe/Moscow", "2026-11-23T04:59", "2026-11-23T05:00"),
        ("Europe/Moscow", "2026-11-23T05:00", None),
        ("Asia/Vladivostok", "2026-11-22T12:00", "2026-11-22T22:00"),  # 22:00 in Vladivostok
        ("America/New_York", "2026-11-22T12:00", "2026-11-22T13:00"),  # 07:00 in New York
        ("Europe/Berlin", "2026-10-24T21:00", "2026-10-25T07:00"),  # the night when clocks go back: one hour longer
        ("Europe/Berlin", "2026-03-28T22:00", "2026-03-29T06:00"),  # and forward
    ],
)
def test_quiet_over_midnight_ends_in_the_users_morning(zone: str, now: str, until: str | None) -> None:
    assert quiet_until("22:00", "08:00", zone=zone, at=utc(now)) == (utc(until) if until else None)


def test_quiet_within_a_day_ends_the_same_day() -> None:
    assert quiet_until("13:00", "15:00", zone="UTC", at=utc("2026-11-22T14:00")) == utc("2026-11-22T15:00")
    assert quiet_until("13:00", "15:00", zone="UTC", at=utc("2026-11-22T15:00")) is None
    assert quiet_until("13:00", "15:00", zone="UTC", at=utc("2026-11-22T12:59")) is None


def test_a_zone_that_nobody_knows_counts_as_utc() -> None:
    assert quiet_until("22:00", "08:00", zone="America", at=utc("2026-11-22T23:00")) == utc("2026-11-23T08:00")


ZONES = ("Europe/Moscow", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia")
TIMES = st.times().map(lambda one: one.strftime("%H:%M"))


@given(TIMES, TIMES, st.sampled_from(ZONES), st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)))
def test_a_letter_waits_for_less_than_two_days_and_then_goes(start: str, end: str, zone: str, at: datetime) -> None:
    moment = at.replace(tzinfo=UTC)
    until = quiet_until(start, end, zone=zone, at=moment)

    if until is not None and start != end:
        assert moment < until <= moment + timedelta(days=1, hours=2)
        assert quiet_until(start, end, zone=zone, at=until) is None
