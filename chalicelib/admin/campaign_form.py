"""The campaign form: what is typed becomes the API's body, and a campaign becomes a form."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import ValidationError

from chalicelib.admin.audience_form import Form, audience_form, one, read_audience
from chalicelib.admin.campaign_texts import read_texts, shown_texts
from chalicelib.admin.form_values import read_number
from chalicelib.admin.number_format import read_moment
from chalicelib.campaigns.model import ASKED, Campaign
from chalicelib.errors import InvalidError, Phrase
from chalicelib.profiles.model import known_timezone
from chalicelib.rendering.model import Template
from chalicelib.validation import invalid


def read_campaign(form: Form, *, template: Template, default_zone: str) -> Campaign:
    """Raises: InvalidError (permanent; every bad field)."""
    zone = one(form, "timezone") or default_zone
    body: dict[str, Any] = {
        "name": one(form, "name"),
        "template": template.key,
        "audience": read_audience(form),
        **read_texts(form, template),
        "timezone": one(form, "timezone") or None,
        **{name: _asked(form, name) for name in ASKED},
        **_when(form, zone),
        **_channels(form, template),
    }
    try:
        return Campaign.model_validate(body)
    except ValidationError as error:
        raise invalid(error) from error


def read_countable(form: Form, *, template: Template) -> Campaign:
    """As much of an unfinished campaign as counting its audience needs. Raises: InvalidError (permanent)."""
    audience, channels = read_audience(form), _channels(form, template)
    body = {"name": "-", "template": template.key, "audience": audience, **channels}
    try:
        return Campaign.model_validate(body)
    except ValidationError as error:
        raise invalid(error) from error


def form_of(spec: Campaign, template: Template, *, default_zone: str) -> dict[str, list[str]]:
    form: dict[str, list[str]] = {
        "name": [spec.name],
        "timezone": [spec.timezone or ""],
        **{name: _shown(getattr(spec, name)) for name in ASKED},
        "channels": list(spec.channels or ()),
        **shown_texts(spec, template),
    }
    return form | _when_of(spec, default_zone) | audience_form(spec.audience)


def _when_of(spec: Campaign, default_zone: str) -> dict[str, list[str]]:
    form = dict[str, list[str]]()
    if spec.schedule is not None:
        form["when"] = ["schedule"]
        form |= {name: [str(value)] for name, value in spec.schedule.model_dump(exclude_none=True).items()}
    elif spec.start_at is not None:
        zone = _clock_of(spec.timezone or default_zone)
        form["when"] = ["at"]
        form["start_at"] = [f"{spec.start_at.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M}"]
    return form


def left_alone(form: Form, spec: Campaign, before: Campaign, *, default_zone: str) -> set[str]:
    """Details that the form cannot show and keeps: the seconds of a start, which of two repeated hours, the start of a
    periodic campaign, the order of channels and whether they were named."""
    start = {"start_at"} if _keeps_start(form, spec, before, default_zone) else set()
    named = before.channels is not None and set(form.get("channels", ())) == set(before.channels)
    return start | ({"channels"} if named else set())


def _keeps_start(form: Form, spec: Campaign, before: Campaign, default_zone: str) -> bool:
    if spec.schedule is not None or before.schedule is not None:
        return spec.schedule is not None and before.schedule is not None
    shown = _when_of(before, default_zone).get("start_at")
    as_shown = spec.timezone == before.timezone and shown == [one(form, "start_at")]
    return as_shown and spec.start_at not in (None, before.start_at)


def _asked(form: Form, name: str) -> Any:
    """What was typed, or the default where that is nothing."""
    text, default = one(form, name), Campaign.model_fields[name].default
    match ASKED[name].kind:
        case "flag":
            return bool(text)
        case "number":
            return read_number(form, name) if text or default is not None else None
        case _:
            return text or default


def _shown(value: Any) -> list[str]:
    if isinstance(value, bool):
        return ["on"] if value else []
    return ["" if value is None else f"{value:.15g}" if isinstance(value, float) else str(value)]


def _channels(form: Form, template: Template) -> dict[str, Any]:
    chosen = list(form.get("channels", ()))
    return {"channels": chosen} if chosen and chosen != list(template.channels) else {}


def _when(form: Form, zone: str) -> dict[str, Any]:
    match one(form, "when"):
        case "at":
            return {"start_at": _moment(one(form, "start_at"), zone)}
        case "schedule":
            if one(form, "cron"):
                return {"schedule": {"cron": one(form, "cron")}}
            every, on = one(form, "every") or "week", one(form, "on")
            day: dict[str, Any] = (
                {"on": int(on) if on.isdecimal() and len(on) < 3 else on} if on and every != "day" else {}
            )
            return {"schedule": {"every": every, **day, "at": one(form, "at")}}
        case _:
            return {}


def _moment(text: str, zone: str) -> datetime:
    at = read_moment(text, field="start_at", zone=_clock_of(zone))
    if at is None:
        raise InvalidError.of("start_at", Phrase("expected a date and a time"))
    return at


def _clock_of(zone: str) -> str:
    """The zone in which `start_at` is typed and shown. With the recipients' own time a wall clock counts, which is
    stored as UTC; a mistake in the zone is reported by its own field."""
    name = known_timezone(zone)
    return name if name in available_timezones() else "UTC"
