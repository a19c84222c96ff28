"""The campaign form: what is typed becomes the API's body, and a campaign becomes a form."""

from typing import Any

from pydantic import ValidationError

from chalicelib.admin.audience_choices import campaign_named
from chalicelib.admin.audience_form import Form, audience_form, one, read_audience
from chalicelib.admin.campaign_texts import read_texts, shown_texts
from chalicelib.admin.form_values import read_number
from chalicelib.admin.schedule_form import at_their_fields, read_when, shown_start, when_form
from chalicelib.campaigns.model import ASKED, Campaign
from chalicelib.rendering.model import Template
from chalicelib.validation import invalid


def read_campaign(form: Form, *, template: Template, default_zone: str) -> Campaign:
    """Raises: InvalidError (permanent; every bad field)."""
    body: dict[str, Any] = {
        "name": one(form, "name"),
        "template": template.key,
        "audience": read_audience(form, campaign_named),
        **read_texts(form, template),
        **{name: _asked(form, name) for name in ASKED},
        **read_when(form, default_zone=default_zone),
        **_channels(form, template),
    }
    try:
        return Campaign.model_validate(body)
    except ValidationError as error:
        raise at_their_fields(invalid(error), form) from error


def form_of(spec: Campaign, template: Template, *, default_zone: str, locale: str) -> dict[str, list[str]]:
    form: dict[str, list[str]] = {
        "name": [spec.name],
        **{name: _shown(getattr(spec, name)) for name in ASKED},
        "channels": list(spec.channels or ()),
        **shown_texts(spec, template),
    }
    return form | when_form(spec, default_zone=default_zone, locale=locale) | audience_form(spec.audience)


def left_alone(form: Form, spec: Campaign, before: Campaign, *, default_zone: str, locale: str) -> set[str]:
    """Details that the form cannot show and keeps: the seconds of a start, which of two repeated hours, the start of a
    periodic campaign, that no zone was named, the order of channels and whether they were named."""
    periodic = {campaign.schedule is not None for campaign in (spec, before)}
    same_zone = (spec.timezone or default_zone) == (before.timezone or default_zone)
    same_start = shown_start(before, default_zone=default_zone, locale=locale) == [one(form, "start_at")]
    moved = spec.start_at not in (None, before.start_at)
    kept = {
        "start_at": periodic == {True} or (periodic == {False} and same_zone and same_start and moved),
        "timezone": before.timezone is None and spec.timezone == default_zone,
        "channels": before.channels is not None and set(form.get("channels", ())) == set(before.channels),
    }
    return {name for name, is_kept in kept.items() if is_kept}


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
