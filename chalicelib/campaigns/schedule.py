"""When a campaign runs: periods and cron expressions in a named zone, DST included. `model.py` checks with it, the
generator asks it, and previews show its next dates.

    list(islice(occurrences(Schedule(every="week", on="friday", at="18:00"), "Europe/Moscow", after=now()), 5))
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import takewhile
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, ValidationInfo, model_validator

from chalicelib.campaigns.schedule_days import LAST, WEEK, On
from chalicelib.errors import Phrase
from chalicelib.schemas import StrictModel
from chalicelib.text import Line, one_line, shaped
from chalicelib.wall_clock import wall_moment, zone_of

BEST_HOUR = "best_hour"
RECIPIENT = "recipient"  # the zone of each recipient, in place of a name
_EARLIEST_ZONE = "Etc/GMT-14"  # UTC+14 (the sign of these names is reversed): where every day begins first
LATEST_ZONE = "Etc/GMT+12"  # UTC-12: where it begins last
_DAYS, _MONTHS, _WEEK = set(range(1, 32)), set(range(1, 13)), set(range(7))  # as cron counts them
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3])[:.]([0-5][0-9])(?::00)?")

Misfire = Literal["latest", "skip", "all"]


def _check_cron(expression: str) -> str:
    try:
        dates = CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC)) if len(expression.split()) == 5 else None
    except CronSimError:
        dates = None
    if dates is None:
        raise ValueError(Phrase("expected five fields, minute first, such as 0 18 * * 5"))
    if next(dates, None) is None:
        raise ValueError(Phrase("no date ever matches"))
    return expression


def _in_small_letters(given: object) -> object:
    return one_line(given).lower() if isinstance(given, str) else given


def _read_time(given: object, info: ValidationInfo) -> object:
    """`9:05`, `09.05` and `09:05:00` are `09:05`. Raises: ValueError (says what is expected)."""
    found = _CLOCK.fullmatch(one_line(given)) if isinstance(given, str) else None
    if found is not None:
        return f"{int(found[1]):02}:{found[2]}"
    if given is not None or info.data.get("every") is not None:
        raise ValueError(Phrase("expected a time such as 18:00"))
    return None


class Schedule(StrictModel):
    """`{every, on?, at}` or `{cron}`: five fields, minute first."""

    every: Annotated[Literal["day", "week", "month"], BeforeValidator(_in_small_letters)] | None = None
    on: On = None
    at: Annotated[
        Annotated[str, shaped(r"^([01][0-9]|2[0-3]):[0-5][0-9]$", Phrase("expected a time such as 18:00"))] | None,
        BeforeValidator(_read_time),
        Field(validate_default=True, examples=["18:00"]),
    ] = None
    cron: Annotated[
        Annotated[Line, Field(max_length=100), AfterValidator(_check_cron)] | None, Field(examples=["0 18 * * 5"])
    ] = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.cron is not None and any(one is not None for one in (self.every, self.on, self.at)):
            raise ValueError(Phrase("expected either cron, or every and at"))
        if self.cron is None and self.every is None:
            raise ValueError(Phrase("expected every and at, or cron"))
        return self

    @property
    def days(self) -> tuple[int | str, ...]:
        """Those it is for; none if it is for every day."""
        return self.on if isinstance(self.on, tuple) else () if self.on is None else (self.on,)

    def in_days(self) -> "Schedule":
        """The same as days and a time, where a cron expression means no more than that."""
        if self.cron is None:
            return self
        found = CronSim(self.cron, datetime(2026, 1, 1))
        days = [LAST if day == CronSim.LAST else day for day in found.days] if found.days != _DAYS else None
        week = None if found.weekdays >= _WEEK else [WEEK[n - 1] if isinstance(n, int) else n for n in found.weekdays]
        if (len(found.minutes), len(found.hours), found.months) != (1, 1, _MONTHS) or (days and week):
            return self
        at = f"{min(found.hours):02}:{min(found.minutes):02}"
        every = "month" if days else "week" if week else "day"
        try:
            return Schedule.model_validate({"every": every, "on": days or week, "at": at})
        except ValidationError:
            return self

    def expression(self) -> str:
        if self.cron is not None:
            return self.cron
        hour, _, minute = (self.at or "").partition(":")
        month = ",".join("L" if day == LAST else str(day) for day in self.days) if self.every == "month" else "*"
        week = ",".join(str((WEEK.index(str(day)) + 1) % 7) for day in self.days) if self.every == "week" else "*"
        return f"{int(minute)} {int(hour)} {month} * {week}"


def occurrences(schedule: Schedule, zone: str, *, after: datetime) -> Iterator[datetime]:
    """Every moment after `after`, in UTC, each later than the previous one. Times are wall clock times, wildcards too:
    a repeated one counts once, skipped ones are made up for together, right after the gap. For `recipient` it is the
    moment at which the first zone on Earth reaches the time."""
    planned = planning_zone(zone)
    last = after
    # CronSim gets times without a zone: with one, wildcards would run twice through a repeated hour, and
    # not at all through one that is skipped.
    for wall in CronSim(schedule.expression(), after.astimezone(zone_of(planned)).replace(tzinfo=None, fold=0)):
        moment = wall_moment(wall, planned)
        if moment > last:
            yield moment
            last = moment


def day_before(schedule: Schedule, zone: str, scheduled: datetime) -> datetime | None:
    """The run at the same time of the previous day, across clock changes too; None if there is none."""
    day, spread = timedelta(days=1), timedelta(hours=2)  # no clock change is larger
    times = occurrences(schedule, zone, after=scheduled - day - spread - timedelta(seconds=1))
    near = takewhile(lambda moment: moment <= scheduled - day + spread, times)
    return min(near, key=lambda moment: abs(scheduled - day - moment), default=None)


def planning_zone(zone: str) -> str:
    """The zone in which a campaign's times are counted."""
    return _EARLIEST_ZONE if zone == RECIPIENT else zone


def start_zone(zone: str) -> str:
    """The zone in which `start_at` is a time of a clock: with the recipients' own, it is stored as if it were UTC."""
    return "UTC" if zone == RECIPIENT else zone


def local_moment(scheduled: datetime, zone: str) -> datetime:
    """When the wall clock of `zone` shows what the first zone's clock shows at `scheduled`."""
    return wall_moment(scheduled.astimezone(ZoneInfo(_EARLIEST_ZONE)).replace(tzinfo=None), zone)


def best_moment(hour: object, *, zone: str, after: datetime) -> datetime:
    """The next time that the wall clock of `zone` shows a full hour (0 to 23); `after` itself if it shows that hour
    now, or if it is not a valid hour."""
    if isinstance(hour, bool) or not isinstance(hour, int) or not 0 <= hour <= 23:
        return after
    local = after.astimezone(zone_of(zone))
    if local.hour == hour:
        return after
    moment, day = after - timedelta(days=1), local.date()
    while moment < after:
        moment = wall_moment(datetime.combine(day, time(hour)), zone)
        day += timedelta(days=1)
    return moment


def first_moment(wall: datetime) -> datetime:
    """The inverse, for a campaign that is sent once: when the first zone's clock shows the wall time of `wall`."""
    return wall.replace(tzinfo=ZoneInfo(_EARLIEST_ZONE)).astimezone(UTC)


def missed(policy: Misfire, due: list[datetime], *, now: datetime, grace: timedelta) -> list[datetime]:
    """Which due moments become runs. The last one is on time, whatever the policy, if it is no older than `grace`."""
    if policy == "all":
        return due
    return [moment for moment in due[-1:] if policy == "latest" or now - moment <= grace]
