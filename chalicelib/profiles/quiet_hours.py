"""Quiet hours: when, in the user's own zone, nothing should arrive."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from chalicelib.errors import Phrase
from chalicelib.schemas import StrictModel
from chalicelib.text import Line
from chalicelib.wall_clock import wall_moment, zone_of

_DAY = timedelta(days=1)
Hours = tuple[str, str]  # local times: from, to
TimeOfDay = Annotated[Line, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["22:00"])]


class QuietHours(StrictModel):
    """Local times between which nothing arrives; letters wait for the end."""

    start: TimeOfDay = Field(alias="from")
    end: TimeOfDay = Field(alias="to")

    @model_validator(mode="after")
    def _some_time_is_left(self) -> Self:
        if self.start == self.end:
            raise ValueError(Phrase("from and to must differ"))
        return self


def quiet_for(
    preferences: Mapping[str, Any], *, zone: str, at: datetime, default: Hours | None = None
) -> datetime | None:
    """Until when it is quiet for this user: in their own hours, else in the site's; None when nothing has to wait."""
    own = preferences.get("quiet_hours")
    hours = (own["from"], own["to"]) if own else default
    return quiet_until(*hours, zone=zone, at=at) if hours else None


def quiet_until(start: str, end: str, *, zone: str, at: datetime) -> datetime | None:
    """The moment (UTC) at which the quiet around `at` ends, always after it, or None if it is not quiet. `start` and
    `end` are local times such as `22:00` and `08:00`; the hours may cross midnight."""
    day = at.astimezone(zone_of(zone)).date()
    until: datetime | None = None
    # From the day before, whose night may continue. Hours that lose their waking time to a clock change merge
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
