"""When a user wants letters of a category collected: every day or every week, at a local hour. Part of the user's
preferences."""

from datetime import datetime, time, timedelta
from typing import Annotated, Literal, Self

from pydantic import model_validator

from chalicelib.errors import Phrase
from chalicelib.schemas import StrictModel
from chalicelib.text import Line, shaped
from chalicelib.wall_clock import wall_moment, zone_of

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_DAYS: tuple[str, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class DigestWish(StrictModel):
    """Letters of a category as one: every day, or every week on a day, at a local time."""

    every: Literal["day", "week"]
    at: Annotated[Line, shaped(r"^([01][0-9]|2[0-3]):[0-5][0-9]$", Phrase("expected a time such as 18:00"))] = "09:00"
    on: Weekday | None = None

    @model_validator(mode="after")
    def _a_day_for_a_week(self) -> Self:
        if self.every == "day" and self.on is not None:
            raise ValueError(Phrase("on is only for a weekly digest"))
        return self

    def next_after(self, at: datetime, *, zone: str) -> datetime:
        """The next moment (UTC) at which the user's clock shows the time; once on every such day."""
        hour = time.fromisoformat(self.at)
        day = at.astimezone(zone_of(zone)).date()
        if self.every == "week":
            day += timedelta(days=(_DAYS.index(self.on or "monday") - day.weekday()) % 7)
        step = timedelta(days=1 if self.every == "day" else 7)
        while (moment := wall_moment(datetime.combine(day, hour), zone)) <= at:
            day += step
        return moment

    def told(self) -> str:
        """For the timeline."""
        return f"every {self.on or 'monday'} at {self.at}" if self.every == "week" else f"every day at {self.at}"
