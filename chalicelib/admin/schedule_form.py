"""When a campaign is sent, as the form asks it: once, or on days that are ticked, by the clocks of a city or of each
reader."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from chalicelib.admin.audience_form import Form, one
from chalicelib.admin.number_format import read_moment
from chalicelib.admin.schedule_words import NextTime, next_times
from chalicelib.admin.templating import LANGUAGES
from chalicelib.admin.zones import city_of, zone_named
from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.schedule import RECIPIENT, start_zone
from chalicelib.errors import FieldError, InvalidError, Phrase
from chalicelib.validation import invalid

_DAYS = {"week": "weekday", "month": "monthday"}  # the field of the days
_FIELDS = {"schedule": "when", "schedule.every": "when", "schedule.at": "at", "schedule.cron": "cron"}


def new_when(default_zone: str, *, locale: str) -> dict[str, list[str]]:
    """The fields before anything is chosen."""
    return {"when": ["start"], "at": ["18:00"], "clock": ["zone"], "timezone": [city_of(default_zone, locale=locale)]}


def read_when(form: Form, *, default_zone: str) -> dict[str, Any]:
    """`timezone`, and `start_at` or `schedule`, as the API takes them. Raises: InvalidError (permanent; names the
    field)."""
    when, zone = one(form, "when"), _zone(form)
    match when:
        case "at":
            at = read_moment(one(form, "start_at"), field="start_at", zone=start_zone(zone or default_zone))
            if at is None:
                raise InvalidError.of("start_at", Phrase("expected a date and a time"))
            return {"timezone": zone, "start_at": at}
        case "cron":
            return {"timezone": zone, "schedule": {"cron": one(form, "cron")}}
        case "day" | "week" | "month":
            days = {"on": list(form.get(_DAYS[when], ()))} if when in _DAYS else {}
            return {"timezone": zone, "schedule": {"every": when, **days, "at": one(form, "at")}}
        case _:
            return {"timezone": None if zone == RECIPIENT else zone}


def when_form(spec: Campaign, *, default_zone: str, locale: str) -> dict[str, list[str]]:
    """The fields of a campaign that is stored."""
    own, form = spec.timezone or default_zone, new_when(default_zone, locale=locale)
    if own == RECIPIENT:
        form["clock"] = ["readers"]
    else:
        form["timezone"] = [city_of(own, locale=locale)]
    if spec.schedule is not None and spec.schedule.every is not None:
        days = {_DAYS[spec.schedule.every]: [str(day) for day in spec.schedule.days]} if spec.schedule.days else {}
        return form | {"when": [spec.schedule.every], "at": [spec.schedule.at or ""], **days}
    if spec.schedule is not None:
        return form | {"when": ["cron"], "cron": [spec.schedule.cron or ""]}
    if spec.start_at is not None:
        wall = spec.start_at.astimezone(ZoneInfo(start_zone(own)))
        return form | {"when": ["at"], "start_at": [f"{wall:%Y-%m-%dT%H:%M}"]}
    return form


def shown_start(spec: Campaign, *, default_zone: str, locale: str) -> list[str]:
    """What the form shows of a single start; nothing if there is none."""
    return when_form(spec, default_zone=default_zone, locale=locale).get("start_at", [])


def at_their_fields(error: InvalidError, form: Form) -> InvalidError:
    """The API's mistakes by the names of the form's fields."""
    names = {**_FIELDS, "schedule.on": _DAYS.get(one(form, "when"), "when")}
    return InvalidError(error.detail, [FieldError(names.get(at, at), message) for at, message in error.errors])


class Upcoming:
    """When a campaign would be sent, as far as the form says it: `spec` for the sentence, and the next `times`; or what
    is `wrong`."""

    def __init__(self, form: Form, *, default_zone: str) -> None:
        self.spec: Campaign | None = None
        self.times: list[NextTime] = []
        self.wrong: Mapping[str, Phrase] = {}
        try:
            self.spec = _countless(form, default_zone)
            self.times = next_times(self.spec, zone=default_zone)
        except InvalidError as error:
            self.wrong = {one.field: one.message for one in error.errors}
        self.zone = (self.spec.timezone if self.spec else None) or default_zone

    @property
    def readers(self) -> bool:
        """Whether it is each reader's own clock."""
        return self.zone == RECIPIENT


def _countless(form: Form, default_zone: str) -> Campaign:
    body = {"name": "-", "template": "-", "audience": {"everyone": True}, **read_when(form, default_zone=default_zone)}
    try:
        return Campaign.model_validate(body)
    except ValidationError as error:
        raise at_their_fields(invalid(error), form) from error


def _zone(form: Form) -> str | None:
    if one(form, "clock") == "readers":
        return RECIPIENT
    text = one(form, "timezone")
    return zone_named(text, field="timezone", languages=LANGUAGES) if text else None
