"""`/v1/campaigns/calendar`: what will be sent, is being sent and was sent, day by day."""

from datetime import date, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field

from chalicelib.accounts.api_keys import Scope
from chalicelib.api.answers import ApiAnswer
from chalicelib.api.checked_call import Call
from chalicelib.api.endpoint import endpoint
from chalicelib.clock import Day, now, rfc3339
from chalicelib.configuration.setting_shapes import Cap, DefaultQuietHours
from chalicelib.errors import InvalidError, Phrase
from chalicelib.schemas import StrictModel
from chalicelib.settings import settings
from chalicelib.stage.app import stage

MAX_DAYS = 62
DEFAULT_DAYS = 31


class CalendarQuery(StrictModel):
    """Which days, in the site's time zone."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"from": "2026-12-01", "to": "2026-12-31"}]})

    begin: Annotated[
        Day | None, Field(alias="from", description="the first day, such as 2026-12-01; default: today")
    ] = None
    end: Annotated[
        Day | None,
        Field(
            alias="to",
            description=f"the last day, included, at most {MAX_DAYS} days in all; default: {DEFAULT_DAYS} days in all",
        ),
    ] = None

    def days(self) -> tuple[date, date]:
        """The first and the last. Raises: InvalidError (permanent): there are none, or too many."""
        first = self.begin or now().astimezone(ZoneInfo(settings().default_timezone)).date()
        last = self.end or first + timedelta(days=DEFAULT_DAYS - 1)
        if not timedelta() <= last - first < timedelta(days=MAX_DAYS):
            raise InvalidError.of(
                "to",
                Phrase("expected a day from {first} on, at most {n} days in all", first=first.isoformat(), n=MAX_DAYS),
            )
        return first, last


class SendingAnswer(ApiAnswer):
    """One time of a campaign."""

    campaign_id: str
    name: str
    state: Literal["planned", "running", "sent", "cancelled"]
    day: str = Field(description="in the site's zone or, with `local_time`, on each reader's own clock")
    at: str
    category: str | None = Field(description="null: its template is gone")
    ends_at: str | None = Field(description="when the last reader's turn comes, where each has their own hour")
    local_time: str | None = Field(description="at this time on each reader's own clock")
    recipients: int | None = Field(description="about how many; null: nobody has counted them")
    sent: int | None = Field(description="of a run that is over")
    quiet_until: str | None = Field(description="it falls into the quiet hours of the site, and waits for their end")
    resend: bool


class CapReachedAnswer(ApiAnswer):
    """A cap of the site bites: `sendings` of the category within `days` days, and a reader gets `letters` at most."""

    category: str
    day: str
    sendings: int
    letters: int
    days: int


class CalendarAnswer(ApiAnswer):
    """What leaves on some days. Paused campaigns, drafts and those that wait for approval are not planned."""

    timezone: str
    sendings: list[SendingAnswer]
    caps_reached: list[CapReachedAnswer]
    caps: dict[str, Cap]
    quiet_hours: DefaultQuietHours
    complete: bool = Field(description="false: there are more campaigns than fit; those that are due first are here")


@endpoint(
    "GET",
    "/v1/campaigns/calendar",
    summary="What is sent when",
    scope=Scope.CAMPAIGNS_READ,
    of_all=Scope.CAMPAIGNS_READ_ALL,
    answer=CalendarAnswer,
)
def campaign_calendar(call: Call[None, CalendarQuery]) -> dict[str, Any]:
    """Every time of scheduled and periodic campaigns between two days, with what is running, and what was sent by runs
    that ended with this release. A campaign that runs very often is shown up to a hundred times."""
    first, last = call.query.days()
    values = stage().site_settings.current(fresh=True)
    seen = stage().sending_calendar.between(first, last, values=values, sight=call.sight)
    return {
        "timezone": settings().default_timezone,
        "sendings": [
            {
                **one._asdict(),
                "day": one.day.isoformat(),
                "at": rfc3339(one.at),
                "ends_at": rfc3339(one.ends_at) if one.ends_at else None,
            }
            for one in seen.sendings
        ],
        "caps_reached": [{**one._asdict(), "day": one.day.isoformat()} for one in seen.reached],
        "caps": {name: cap.model_dump() for name, cap in seen.caps.items()},
        "quiet_hours": seen.quiet.model_dump(),
        "complete": seen.complete,
    }
