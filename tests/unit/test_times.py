"""Every rule of times, at every change of every zone's clocks in the next five years."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise, takewhile
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.campaigns.audience_rules import Rule
from chalicelib.campaigns.operators import RuleMoment
from chalicelib.campaigns.schedule import Schedule, best_moment, day_before, first_moment, local_moment, occurrences
from chalicelib.pipeline.eligibility import quiet_until
from chalicelib.profiles.digest_preferences import DigestWish
from chalicelib.storage.users import Profile
from chalicelib.wall_clock import wall_moment
from tests.unit.zones import MINUTE, Change, changes, first_shown, local, zones_that_change

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
CHANGES = st.sampled_from(changes())
AROUND = st.integers(-300, 300).map(lambda n: n * MINUTE)  # minutes before and after a change
CLOCK = st.integers(0, 24 * 60 - 1).map(lambda n: f"{n // 60:02}:{n % 60:02}")
NIGHT = st.integers(-4 * 60, 6 * 60).map(lambda n: f"{n // 60 % 24:02}:{n % 60:02}")  # where clocks are changed


def wall(day: date, at: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(at))


def test_a_wall_time_is_the_first_moment_that_shows_it_or_the_end_of_the_gap() -> None:
    """Promise F3: a time that is repeated is its first one, one that is skipped the first moment after the gap."""
    for zone, change in changes():
        moment = change - 3 * HOUR
        shown = local(moment, zone)
        while moment < change + 3 * HOUR:
            moment += 5 * MINUTE  # all changes are at a multiple of it
            while shown < local(moment, zone):
                shown += 5 * MINUTE
                assert wall_moment(shown, zone) == moment, (zone, shown)


def test_a_gap_ends_at_the_very_second() -> None:
    """Promise F3."""
    assert wall_moment(datetime(2027, 3, 28, 2, 30, 15, 250), "Europe/Berlin") == datetime(2027, 3, 28, 1, tzinfo=UTC)
    assert wall_moment(datetime(2011, 12, 30, 12), "Pacific/Apia") == datetime(2011, 12, 30, 10, tzinfo=UTC)
    assert wall_moment(datetime(2026, 11, 28, 12), "Nowhere/Land") == datetime(2026, 11, 28, 12, tzinfo=UTC)


def check_quiet(start: str, end: str, zone: str, at: datetime) -> None:
    until = quiet_until(start, end, zone=zone, at=at)
    day = local(at, zone).date()
    last = int(end <= start)
    spans = [
        (first_shown(wall(one, start), zone, near=at), first_shown(wall(one + last * DAY, end), zone, near=at))
        for one in (day - DAY, day, day + DAY)
    ]
    assert (until is not None) == any(begins <= at < ends for begins, ends in spans)
    if until is not None:
        assert at < until <= at + 2 * DAY + 2 * HOUR
        assert quiet_until(start, end, zone=zone, at=until) is None
        # Nothing in between is loud: there the letter would have gone sooner.
        assert all(
            quiet_until(start, end, zone=zone, at=at + n * 7 * MINUTE) for n in range((until - at) // (7 * MINUTE))
        )


@pytest.mark.parametrize("hours", [("22:00", "02:30"), ("23:30", "00:30"), ("02:15", "02:45"), ("02:45", "02:15")])
def test_quiet_hours_end_in_the_future_at_every_change_of_the_clocks(hours: tuple[str, str]) -> None:
    """Promises F1, F3: the wait for the end of quiet hours ends later than it begins, and then it is not quiet."""
    for zone, change in changes():
        for n in range(-150, 151, 10):
            at = change + n * MINUTE
            until = quiet_until(*hours, zone=zone, at=at)
            if until is not None:
                assert until > at, (zone, at)
                assert quiet_until(*hours, zone=zone, at=until) is None, (zone, at)


@given(NIGHT | CLOCK, NIGHT | CLOCK, CHANGES, AROUND)
def test_quiet_hours_are_those_of_the_clock(start: str, end: str, change: Change, off: timedelta) -> None:
    """Promise F3: whatever the hours, in every zone."""
    if start != end:
        check_quiet(start, end, change.zone, change.at + off)


@given(
    st.sampled_from(["day", "week"]),
    st.sampled_from(["monday", "saturday", "sunday", "friday"]),
    NIGHT | CLOCK,
    CHANGES,
    AROUND,
)
@example("day", "monday", "23:59", Change("America/Nuuk", datetime(2027, 3, 28, 1, tzinfo=UTC)), timedelta())
def test_a_digest_comes_once_on_each_of_its_days(every: Any, on: Any, at: str, change: Change, off: timedelta) -> None:
    """Promises F1, F3: each digest is due later than the one before, at its time, on every one of its days."""
    wish = DigestWish(every=every, at=at, on=on if every == "week" else None)
    moment = change.at + off - 8 * DAY
    days = []
    for _ in range(16 if every == "day" else 3):
        due = wish.next_after(moment, zone=change.zone)
        assert due > moment
        day = local(due, change.zone).date()
        if due != first_shown(wall(day, at), change.zone, near=due):
            day -= DAY  # the clock jumps from before its time into the next day
            assert due == first_shown(wall(day, at), change.zone, near=due)
        days.append(day)
        moment = due
    assert {(b - a).days for a, b in pairwise(days)} == {1 if every == "day" else 7}


@given(st.integers(0, 23), CHANGES, AROUND)
@example(23, Change("America/Nuuk", datetime(2027, 3, 28, 1, tzinfo=UTC)), timedelta(minutes=-5))
def test_the_best_hour_is_within_a_day_and_shown_by_the_clock(hour: int, change: Change, off: timedelta) -> None:
    """Promises F1, F3: never before the campaign's time, and at that hour, or right after the gap that swallows it."""
    after = change.at + off
    due = best_moment(hour, zone=change.zone, after=after)
    assert after <= due <= after + DAY + 2 * HOUR
    if local(after, change.zone).hour == hour:
        assert due == after
    else:
        day = local(due, change.zone).date()
        days = (day, day - DAY)  # the gap may end on the next day
        assert due in [first_shown(wall(one, f"{hour:02}:00"), change.zone, near=due) for one in days]


@given(NIGHT | CLOCK, CHANGES, st.integers(-1, 1))
def test_a_campaign_at_local_time_comes_when_the_recipients_clock_shows_it(at: str, change: Change, off: int) -> None:
    """Promise F3: the run begins in time for every zone, and each gets it at the wall time, once."""
    shown = wall(local(change.at, change.zone).date() + off * DAY, at)
    begins = first_moment(shown)
    due = local_moment(begins, change.zone)
    assert begins <= due <= begins + 28 * HOUR
    assert due == first_shown(shown, change.zone, near=change.at)


def minutes_of(field: str, values: range) -> set[int]:
    """The values of one field of cron, as far as these tests write it."""
    first, _, step = field.partition("/")
    return set(values) if first == "*" and not step else set(values[:: int(step)]) if step else {int(first)}


@given(
    st.sampled_from(["*", "*/5", "*/17", "0", "30", "59"]),
    st.sampled_from(["*", "*/2", "0", "1", "2", "3", "23"]),
    CHANGES,
)
def test_cron_runs_once_for_each_time_that_its_wildcards_mean(minute: str, hour: str, change: Change) -> None:
    """Promise F3: no wall time twice, none missed, each run later than the one before; with wildcards too."""
    zone, begins, ends = change.zone, change.at - 5 * HOUR, change.at + 5 * HOUR
    hours, minutes = minutes_of(hour, range(24)), minutes_of(minute, range(60))
    schedule = Schedule(cron=f"{minute} {hour} * * *")
    found = list(takewhile(lambda moment: moment <= ends, occurrences(schedule, zone, after=begins)))
    meant, moment, shown = [], begins, local(begins, zone)
    while moment < ends:
        moment += MINUTE
        passed = [shown + n * MINUTE for n in range(1, 1 + max(0, (local(moment, zone) - shown) // MINUTE))]
        if any(one.hour in hours and one.minute in minutes for one in passed):
            meant.append(moment)
        shown = max(shown, local(moment, zone))
    assert found == meant


@given(st.sampled_from(["day", "week", "month", "last"]), NIGHT | CLOCK, CHANGES)
def test_a_schedule_comes_on_each_of_its_days(every: str, at: str, change: Change) -> None:
    """Promise F3: on every day, every week, every month, at its time."""
    day = local(change.at, change.zone).date()
    on: Any = {"day": None, "week": f"{day:%A}".lower(), "month": min(day.day, 28), "last": "last"}[every]
    kind: Any = "month" if every == "last" else every
    schedule = Schedule(every=kind, on=on, at=at)
    found = list(islice(occurrences(schedule, change.zone, after=change.at - 3 * DAY), 4))
    days = [local(moment, change.zone).date() for moment in found]
    assert all(a < b for a, b in pairwise(found))
    for moment, one in zip(found, days, strict=True):
        assert moment == first_shown(wall(one, at), change.zone, near=moment)
    if every in ("day", "week"):
        assert {(b - a).days for a, b in pairwise(days)} == {1 if every == "day" else 7}
    else:
        months = [one.year * 12 + one.month for one in days]
        assert months == list(range(months[0], months[0] + 4))
        assert all(one.day == on if on != "last" else (one + DAY).day == 1 for one in days)


@settings(max_examples=25)
@given(
    NIGHT | CLOCK,
    st.sampled_from(zones_that_change()),
    st.sampled_from(
        [*zones_that_change(), "Africa/Algiers", "Asia/Kathmandu", "Asia/Vladivostok", "Pacific/Kiritimati"]
    ),
    st.integers(2027, 2030),
)
def test_everybody_is_greeted_once_a_year(at: str, zone: str, own: str, year: int) -> None:
    """Promise F3: a daily campaign greets for every day of the recipient's calendar once, wherever the clocks change;
    whoever was born on 29 February on the 28th of other years."""
    schedule = Schedule(every="day", at=at)
    runs = occurrences(schedule, zone, after=datetime(year - 1, 12, 29, tzinfo=UTC))
    greeted: list[date] = []
    leaps = 0
    for run in takewhile(lambda moment: moment.year <= year, runs):
        before = day_before(schedule, zone, run)
        assert before is not None
        moment = RuleMoment(run, run.astimezone(ZoneInfo(own)).date(), before.astimezone(ZoneInfo(own)).date())
        greeted += moment.days
        if run.year == year:
            leaps += Rule(attribute="born", op="anniversary").matches(
                Profile(id="x", attributes={"born": "2000-02-29"}), moment
            )
    assert {(b - a).days for a, b in pairwise(greeted)} == {1}
    assert leaps == 1


def test_a_clock_that_is_changed_between_two_runs_costs_nobody_a_birthday() -> None:
    """Promise F3: Berlin changes its clocks, Algiers does not: its days are counted all the same."""
    schedule = Schedule(every="day", at="00:30")
    greeted = []
    for run in islice(occurrences(schedule, "Europe/Berlin", after=datetime(2027, 10, 28, tzinfo=UTC)), 5):
        before = day_before(schedule, "Europe/Berlin", run)
        assert before is not None
        days = [one.astimezone(ZoneInfo("Africa/Algiers")).date() for one in (run, before)]
        greeted.append([day.day for day in RuleMoment(run, days[0], days[1]).days])
    assert greeted == [[28], [29], [30], [31, 1], [2]]


@pytest.mark.parametrize(
    ("schedule", "before"),
    [
        ({"every": "day", "at": "09:00"}, datetime(2026, 11, 29, 9, tzinfo=UTC)),
        ({"every": "week", "on": "monday", "at": "09:00"}, None),
        ({"cron": "0 9,18 * * *"}, datetime(2026, 11, 29, 9, tzinfo=UTC)),
    ],
)
def test_the_run_of_the_day_before_is_that_of_the_same_time(schedule: Any, before: datetime | None) -> None:
    monday = datetime(2026, 11, 30, 9, tzinfo=UTC)
    assert day_before(Schedule.model_validate(schedule), "UTC", monday) == before
