"""Quiet hours: when, in the user's own zone, nothing is to arrive."""

from datetime import date, datetime, time, timedelta

from chalicelib.wall_clock import wall_moment, zone_of

_DAY = timedelta(days=1)


def quiet_until(start: str, end: str, *, zone: str, at: datetime) -> datetime | None:
    """The moment (UTC) at which the quiet that holds `at` ends, always after it, or None when it is not quiet. `start`
    and `end` are local times such as `22:00` and `08:00`; the hours may go over midnight."""
    day = at.astimezone(zone_of(zone)).date()
    until: datetime | None = None
    # From the day before, whose night may go on. Hours that lose their waking time to a change of the clocks go over
    # into those of the next day.
    for night in (day - _DAY, day, day + _DAY):
        begins, ends = _hours(night, start, end, zone)
        if begins <= (until or at) < ends:
            until = ends
    return until


def _hours(day: date, start: str, end: str, zone: str) -> tuple[datetime, datetime]:
    """The quiet hours that begin on a day."""
    begins, ends = time.fromisoformat(start), time.fromisoformat(end)
    last = day if begins <= ends else day + _DAY
    return wall_moment(datetime.combine(day, begins), zone), wall_moment(datetime.combine(last, ends), zone)
