"""When a campaign runs: in any zone, through every change of the clocks."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chalicelib.campaigns.schedule import (
    Misfire,
    Schedule,
    best_moment,
    first_moment,
    local_moment,
    missed,
    occurrences,
)

ZONES = [
    "Europe/Moscow",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
]
DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
moments = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
clock_times = st.times().map(lambda at: at.strftime("%H:%M"))


def dates(schedule: Schedule, zone: str, after: datetime, count: int = 6) -> list[datetime]:
    return list(islice(occurrences(schedule, zone, after=after), count))


def local(moment: datetime, zone: str) -> datetime:
    return moment.astimezone(ZoneInfo(zone))


def exists(day: date, at: str, zone: str) -> bool:
    """Whether the wall clock of the zone shows the time on that day: DST skips some."""
    wall = datetime.combine(day, time.fromisoformat(at), tzinfo=ZoneInfo(zone))
    return wall.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == wall.replace(tzinfo=None)


@given(zone=st.sampled_from(ZONES), at=clock_times, after=moments)
def test_a_daily_run_comes_every_day_at_its_local_time(zone: str, at: str, after: datetime) -> None:
    found = dates(Schedule(every="day", at=at), zone, after)

    days = [local(moment, zone).date() for moment in found]
    assert days == [days[0] + timedelta(days=n) for n in range(len(days))]
    for moment in found:
        assert moment > after
        if exists(local(moment, zone).date(), at, zone):
            assert local(moment, zone).strftime("%H:%M") == at


@given(zone=st.sampled_from(ZONES), day=st.sampled_from(DAYS), after=moments)
def test_a_weekly_run_comes_on_its_day(zone: str, day: Any, after: datetime) -> None:
    found = dates(Schedule(every="week", on=day, at="18:00"), zone, after)

    assert {DAYS[local(moment, zone).weekday()] for moment in found} == {day}
    assert {local(moment, zone).strftime("%H:%M") for moment in found} == {"18:00"}
    assert {(b - a).days for a, b in pairwise(found)} <= {6, 7}


@given(zone=st.sampled_from(ZONES), day=st.integers(1, 28), after=moments)
def test_a_monthly_run_comes_in_every_month(zone: str, day: int, after: datetime) -> None:
    found = dates(Schedule(every="month", on=day, at="12:00"), zone, after)

    months = [(local(moment, zone).year * 12 + local(moment, zone).month) for moment in found]
    assert months == list(range(months[0], months[0] + len(months)))
    assert {local(moment, zone).day for moment in found} == {day}


def test_the_last_day_of_a_month_is_that_of_each_month() -> None:
    found = dates(Schedule(every="month", on="last", at="12:00"), "UTC", datetime(2027, 1, 1, tzinfo=UTC), 3)

    assert [(moment.month, moment.day) for moment in found] == [(1, 31), (2, 28), (3, 31)]


def test_an_hour_that_the_clocks_skip_is_made_up_for_and_one_that_they_repeat_comes_once() -> None:
    schedule = Schedule(every="day", at="02:30")

    spring = dates(schedule, "Europe/Berlin", datetime(2026, 3, 28, 12, tzinfo=UTC), 2)
    autumn = dates(schedule, "Europe/Berlin", datetime(2026, 10, 24, 12, tzinfo=UTC), 2)

    assert [local(moment, "Europe/Berlin").strftime("%d %H:%M") for moment in spring] == ["29 03:00", "30 02:30"]
    assert [local(moment, "Europe/Berlin").strftime("%d %H:%M") for moment in autumn] == ["25 02:30", "26 02:30"]


@given(zone=st.sampled_from(ZONES), day=st.dates(date(2024, 1, 1), date(2030, 1, 1)), at=clock_times)
def test_the_same_wall_time_comes_to_each_zone_at_its_own_moment(zone: str, day: date, at: str) -> None:
    first = first_moment(datetime.combine(day, time.fromisoformat(at)))

    moment = local_moment(first, zone)

    assert timedelta(0) <= moment - first <= timedelta(hours=27)
    if exists(day, at, zone):
        assert local(moment, zone).strftime("%Y-%m-%d %H:%M") == f"{day} {at}"


@pytest.mark.parametrize(("policy", "runs"), [("latest", 1), ("skip", 0), ("all", 3)])
def test_three_missed_times_become_as_many_runs_as_the_policy_says(policy: Misfire, runs: int) -> None:
    now = datetime(2026, 3, 25, tzinfo=UTC)
    due = [now - timedelta(weeks=n, hours=1) for n in (2, 1, 0)]

    assert len(missed(policy, due, now=now, grace=timedelta(minutes=10))) == runs


def test_times_that_follow_each_other_closely_are_skipped_but_for_the_last() -> None:
    now = datetime(2026, 3, 25, tzinfo=UTC)
    due = [now - timedelta(minutes=n) for n in (3, 2, 1)]

    assert missed("skip", due, now=now, grace=timedelta(minutes=10)) == due[-1:]


@pytest.mark.parametrize("policy", ["latest", "skip", "all"])
def test_a_time_that_has_just_come_always_runs(policy: Misfire) -> None:
    now = datetime(2026, 3, 25, tzinfo=UTC)

    assert missed(policy, [now], now=now, grace=timedelta(minutes=10)) == [now]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"every": "day"},
        {"every": "week", "at": "18:00"},
        {"every": "week", "on": 3, "at": "18:00"},
        {"every": "month", "on": 31, "at": "18:00"},
        {"every": "day", "on": "friday", "at": "18:00"},
        {"every": "day", "at": "24:00"},
        {"every": "day", "at": "1\u0668:00"},
        {"cron": "0 18 * *"},
        {"cron": "0 0 18 * * 5"},
        {"cron": "0 18 31 2 *"},
        {"cron": "0 18 * * 5", "at": "18:00"},
    ],
)
def test_a_schedule_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Schedule.model_validate(wrong)


@pytest.mark.parametrize("given", [{"cron": "0 18 * * 5"}, {"every": "day", "at": "18:00"}])
def test_a_schedule_is_read_again_as_it_is_stored(given: dict[str, Any]) -> None:
    made = Schedule.model_validate(given)
    assert Schedule.model_validate(made.model_dump(mode="json")) == made


EIGHT = datetime(2026, 11, 25, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hour", "zone", "due"),
    [
        (20, "UTC", datetime(2026, 11, 25, 20, tzinfo=UTC)),
        (8, "UTC", EIGHT),
        (7, "UTC", datetime(2026, 11, 26, 7, tzinfo=UTC)),
        (20, "Europe/Moscow", datetime(2026, 11, 25, 17, tzinfo=UTC)),
        (None, "UTC", EIGHT),
        ("20", "UTC", EIGHT),
        (24, "UTC", EIGHT),
        (True, "UTC", EIGHT),
    ],
)
def test_the_best_hour_is_the_next_one_on_the_recipients_clock(hour: object, zone: str, due: datetime) -> None:
    assert best_moment(hour, zone=zone, after=EIGHT) == due


@given(
    zone=st.sampled_from(ZONES),
    days=st.lists(st.sampled_from(DAYS), min_size=1, max_size=9),
    at=clock_times,
    after=moments,
)
def test_a_run_on_several_days_of_the_week_comes_on_each_of_them(
    zone: str, days: list[Any], at: str, after: datetime
) -> None:
    schedule = Schedule(every="week", on=tuple(days), at=at)

    found = dates(schedule, zone, after, len(set(days)) * 2)

    assert {DAYS[local(moment, zone).weekday()] for moment in found} == set(days)
    assert schedule.days == tuple(sorted(set(days), key=DAYS.index))
    assert Schedule.model_validate(schedule.model_dump(mode="json", exclude_defaults=True)) == schedule


def test_a_run_on_several_days_of_the_month_comes_on_each_of_them() -> None:
    schedule = Schedule(every="month", on=("last", 15, 1), at="12:00")

    found = dates(schedule, "UTC", datetime(2027, 1, 10, tzinfo=UTC), 5)

    assert [(moment.month, moment.day) for moment in found] == [(1, 15), (1, 31), (2, 1), (2, 15), (2, 28)]


@pytest.mark.parametrize(
    ("given_", "stored"),
    [
        ({"every": " Week", "on": "Friday", "at": "18:00"}, ("week", "friday", "18:00")),
        ({"every": "week", "on": "пятница", "at": " 18:00 "}, ("week", "friday", "18:00")),
        ({"every": "week", "on": "в среду"[2:], "at": "9:05"}, ("week", "wednesday", "09:05")),
        ({"every": "week", "on": ["ПТ", "mon", "friday"], "at": "18.00"}, ("week", ("monday", "friday"), "18:00")),
        ({"every": "month", "on": ["LAST", "1"], "at": "18:00:00"}, ("month", (1, "last"), "18:00")),
        ({"every": "month", "on": "последний день", "at": "18:00"}, ("month", "last", "18:00")),
    ],
)
def test_days_and_times_are_taken_as_people_write_them(given_: dict[str, Any], stored: tuple[Any, ...]) -> None:
    found = Schedule.model_validate(given_)

    assert (found.every, found.on, found.at) == stored
