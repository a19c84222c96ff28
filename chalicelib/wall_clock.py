"""When the wall clock of a zone shows a time, through every change of its clocks. Whatever waits for a local time asks
here: quiet hours, digests, best hours, schedules.

    wall_moment(datetime(2027, 3, 28, 2, 30), "Europe/Berlin")  # 01:00 UTC: the clock jumps from 02:00 to 03:00

A time that is repeated is its first one; a time that is skipped is the first moment after the gap. So every wall time
has one moment, and a later wall time never has an earlier moment.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_SECOND = timedelta(seconds=1)


def zone_of(name: str) -> ZoneInfo:
    """The time zone of this name; UTC if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a profile service may name any zone
        return ZoneInfo("UTC")


def wall_moment(wall: datetime, zone: str) -> datetime:
    """The moment (UTC) at which the clocks of `zone` show `wall`, a time without a zone."""
    clocks = zone_of(zone)
    local = wall.replace(tzinfo=clocks, fold=0)
    moment = local.astimezone(UTC)
    if moment.astimezone(clocks).replace(tzinfo=None) == wall:
        return moment
    return _end_of_gap(local.replace(fold=1).astimezone(UTC), moment, clocks)


def _end_of_gap(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The moment, to the second, at which the clocks change between two moments around it."""
    old = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)
