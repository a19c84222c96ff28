"""When a campaign runs: periods and cron expressions in a named zone, DST included. `model.py` checks with it, the
generator asks it, and previews show its next dates.

    list(islice(occurrences(Schedule(every="week", on="friday", at="18:00"), "Europe/Moscow", after=now()), 5))
"""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import takewhile
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import Field, model_validator

from chalicelib.errors import Phrase, phrase_of
from chalicelib.schemas import StrictModel
from chalicelib.text import Line
from chalicelib.wall_clock import wall_moment, zone_of

BEST_HOUR = "best_hour"
RECIPIENT = "recipient"  # the zone of each recipient, in place of a name
_EARLIEST_ZONE = "Etc/GMT-14"  # UTC+14 (the sign of these names is reversed): where every day begins first
_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_LAST_SURE_DAY = 28  # every month has it

WeekDay = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Misfire = Literal["latest", "skip", "all"]


class Schedule(StrictModel):
    """`{every, on?, at}` or `{cron}`: five fields, minute first."""

    every: Literal["day", "week", "month"] | None = None
    on: Annotated[
        WeekDay | Annotated[int, Field(ge=1, le=_LAST_SURE_DAY)] | Literal["last"] | None,
        Field(description="a day's name of every week; 1 to 28 or `last` of every month"),
    ] = None
    at: Annotated[Line, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["18:00"])] | None = None
    cron: Annotated[str | None, Field(max_length=100, examples=["0 18 * * 5"])] = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.cron is not None:
            if any(one is not None for one in (self.every, self.on, self.at)):
                raise ValueError(Phrase("expected either cron, or every and at"))
            _check_cron(self.cron)
        elif self.every is None or self.at is None:
            raise ValueError(Phrase("expected every and at, or cron"))
        elif self.every == "week" and self.on not in _DAYS:
            raise ValueError(Phrase("on: expected the name of a day, such as friday"))
        elif self.every == "month" and not (isinstance(self.on, int) or self.on == "last"):
            raise ValueError(Phrase("on: expected a day of the month, 1 to {last}, or last", last=_LAST_SURE_DAY))
        elif self.every == "day" and self.on is not None:
            raise ValueError(Phrase("on: a daily schedule takes no day"))
        return self

    def expression(self) -> str:
        if self.cron is not None:
            return self.cron
        hour, _, minute = (self.at or "").partition(":")
        day = ("L" if self.on == "last" else self.on) if self.every == "month" else "*"
        weekday = _DAYS.index(str(self.on)) if self.every == "week" else "*"
        return f"{int(minute)} {int(hour)} {day} * {weekday}"


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


def _check_cron(expression: str) -> None:
    try:
        dates = CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise ValueError(
            Phrase("cron: expected five fields such as 0 18 * * 5: {why}", why=phrase_of(error))
        ) from error
    if len(expression.split()) != 5:
        raise ValueError(Phrase("cron: expected five fields, minute first"))
    if next(dates, None) is None:
        raise ValueError(Phrase("cron: no date ever matches"))
