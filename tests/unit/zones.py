"""Every zone's changes of the clocks in the next five years, for the tests of times: told by minutes, not by what is
tested."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

SINCE = datetime(2026, 11, 28, tzinfo=UTC)
UNTIL = datetime(2031, 11, 28, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_STRIDE = 5 * _DAY  # no zone changes its clocks and back within it


class Change(NamedTuple):
    """The clocks of a zone change at a moment."""

    zone: str
    at: datetime


@cache
def changes() -> tuple[Change, ...]:
    """All of them; of zones with the same clocks one stands for all."""
    known: dict[tuple[tuple[datetime, ...], tuple[timedelta | None, ...]], str] = {}
    for zone in sorted(available_timezones()):
        moments = tuple(_changes_of(ZoneInfo(zone)))
        offsets = tuple(_offset(ZoneInfo(zone), at) for at in (SINCE, *moments))
        known.setdefault((moments, offsets), zone)
    return tuple(Change(zone, at) for (moments, _), zone in known.items() for at in moments)


def zones_that_change() -> tuple[str, ...]:
    """The zones of these."""
    return tuple(dict.fromkeys(one.zone for one in changes()))


def local(moment: datetime, zone: str) -> datetime:
    """What the clock shows."""
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def first_shown(wall: datetime, zone: str, *, near: datetime) -> datetime:
    """The first minute, of those within three days of a moment, at which the clock shows `wall` or has passed it."""
    moment = near - 3 * _DAY
    assert local(moment, zone) < wall
    while local(moment, zone) < wall:
        # Far off by strides: no clock is changed by more than two hours.
        far = wall - local(moment, zone) - timedelta(hours=4)
        moment += max(MINUTE, timedelta(minutes=far // MINUTE))
    return moment


def _changes_of(zone: ZoneInfo) -> list[datetime]:
    found = []
    day = SINCE
    while day < UNTIL:
        if _offset(zone, day) != _offset(zone, day + _STRIDE):
            found.append(_change_between(zone, day, day + _STRIDE))
        day += _STRIDE
    return found


def _change_between(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    while after - before > MINUTE:
        middle = before + (after - before) // 2
        middle = middle.replace(second=0, microsecond=0)
        if _offset(zone, middle) == _offset(zone, before):
            before = middle
        else:
            after = middle
    return after


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()
