"""On which days campaigns leave, as the calendar shows them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.schedule import first_moment
from chalicelib.campaigns.sendings import MOST_TIMES, Sending, caps_reached, times_of, wall_day
from chalicelib.configuration.setting_shapes import Cap

MOSCOW = "Europe/Moscow"
MONDAY = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def campaign(**fields: Any) -> Campaign:
    return Campaign.model_validate({"name": "A", "template": "promo", "audience": {"everyone": True}, **fields})


def sending(day: int, category: str = "marketing", **more: Any) -> Sending:
    at = MONDAY + timedelta(days=day)
    return Sending("c", "A", "planned", at.date(), at, category)._replace(**more)


def test_a_single_campaign_has_one_time_and_none_after_the_end() -> None:
    spec = campaign(start_at="2026-11-30T12:00:00Z")
    assert times_of(spec, MONDAY, end=MONDAY + timedelta(hours=1), default_zone=MOSCOW) == [MONDAY]
    assert times_of(spec, MONDAY, end=MONDAY, default_zone=MOSCOW) == []


def test_each_time_of_a_periodic_campaign_is_there_in_its_own_zone() -> None:
    spec = campaign(schedule={"every": "week", "on": "friday", "at": "18:00"}, timezone="America/New_York")
    first = datetime(2027, 3, 5, 23, 0, tzinfo=UTC)
    times = times_of(spec, first, end=first + timedelta(days=15), default_zone=MOSCOW)
    assert [f"{at:%m-%d %H}" for at in times] == ["03-05 23", "03-12 23", "03-19 22"]  # the clocks change on the 14th


def test_a_campaign_of_every_minute_does_not_fill_the_calendar() -> None:
    spec = campaign(schedule={"cron": "* * * * *"})
    assert len(times_of(spec, MONDAY, end=MONDAY + timedelta(days=31), default_zone=MOSCOW)) == MOST_TIMES


def test_a_time_falls_on_the_day_of_the_site_or_of_the_readers_clock() -> None:
    late = datetime(2026, 11, 30, 22, 0, tzinfo=UTC)
    assert wall_day(campaign(), late, zone=MOSCOW) == (date(2026, 12, 1), None, None)
    own = campaign(timezone="recipient")
    at = first_moment(datetime(2026, 12, 4, 0, 30))
    day, clock, ends_at = wall_day(own, at, zone=MOSCOW)
    assert (day, clock, ends_at) == (date(2026, 12, 4), "00:30", at + timedelta(hours=26))
    assert wall_day(campaign(best_hour=True), late, zone=MOSCOW)[2] == late + timedelta(days=1)


def test_the_third_of_three_is_where_a_cap_of_two_bites() -> None:
    caps = {"marketing": Cap(letters=2, days=7)}
    [reached] = caps_reached([sending(0), sending(2), sending(4), sending(5, "series")], caps)
    assert reached[1:] == (date(2026, 12, 4), 3, 2, 7)
    assert caps_reached([sending(0), sending(3), sending(7)], caps) == []  # a week later the first counts no more


@pytest.mark.parametrize("more", [{"state": "cancelled"}, {"resend": True}, {"category": None}])
def test_what_writes_to_nobody_anew_counts_towards_no_cap(more: dict[str, Any]) -> None:
    caps = {"marketing": Cap(letters=2, days=7)}
    assert caps_reached([sending(0), sending(1), sending(2, **more)], caps) == []
