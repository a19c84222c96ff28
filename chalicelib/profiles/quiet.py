"""Quiet hours: when, in the user's own zone, nothing is to arrive. Asked by `pipeline/consent.py`."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def quiet_until(start: str, end: str, *, zone: str, at: datetime) -> datetime | None:
    """The moment (UTC) at which the quiet that holds `at` ends, or None when it is not quiet. `start` and `end` are
    local times such as `22:00` and `08:00`; the hours may go over midnight."""
    local = at.astimezone(zone_of(zone))
    begins, ends = time.fromisoformat(start), time.fromisoformat(end)
    now = local.time()
    if begins <= ends:
        quiet, last_day = begins <= now < ends, local.date()
    else:
        quiet = now >= begins or now < ends
        last_day = local.date() + timedelta(days=1 if now >= begins else 0)
    if not quiet:
        return None
    # Made of the date and the zone, not of a difference in hours: the night may be an hour longer or shorter.
    return datetime.combine(last_day, ends, tzinfo=local.tzinfo).astimezone(UTC)


def zone_of(name: str) -> ZoneInfo:
    """The zone of this name; UTC where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a profile service may name any zone
        return ZoneInfo("UTC")
