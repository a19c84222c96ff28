"""The form of a campaign: what is typed becomes the body that the API takes, and a campaign becomes a form again.
Called by `campaigns.py`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import ValidationError

from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.schedule import RECIPIENT
from chalicelib.control.answers import invalid
from chalicelib.errors import InvalidError
from chalicelib.rendering.model import Template, VariableType

_DAYS_AGO = re.compile(r"(\d{1,5})d")
_ROWS = ("attribute", "op", "value")
EMPTY_ROWS = 2

Form = Mapping[str, Sequence[str]]


def read_campaign(form: Form, *, template: Template, default_zone: str) -> Campaign:
    """Raises: InvalidError (permanent; every bad field)."""
    zone = one(form, "timezone") or default_zone
    body: dict[str, Any] = {
        "name": one(form, "name"),
        "template": template.key,
        "audience": _audience(form),
        "context": _context(form, template),
        "rate_per_second": _number(form, "rate_per_second"),
        "misfire": one(form, "misfire") or "latest",
        "timezone": one(form, "timezone") or None,
        "canary_percent": _number(form, "canary_percent") if one(form, "canary_percent") else None,
        "best_hour": bool(one(form, "best_hour")),
        "expires_after_hours": _number(form, "expires_after_hours") if one(form, "expires_after_hours") else None,
        "locale": one(form, "locale") or None,
        **_when(form, zone),
    }
    if form.get("channels") and list(form["channels"]) != list(template.channels):
        body["channels"] = list(form["channels"])
    try:
        return Campaign.model_validate(body)
    except ValidationError as error:
        raise invalid(error) from error


def one(form: Form, name: str) -> str:
    """The first value of a field, without the spaces around it."""
    return next(iter(form.get(name, ())), "").strip()


def form_of(spec: Campaign, *, default_zone: str) -> dict[str, list[str]]:
    """What the form shows for a campaign."""
    form: dict[str, list[str]] = {
        "name": [spec.name],
        "rate_per_second": [f"{spec.rate_per_second:g}"],
        "misfire": [spec.misfire],
        "timezone": [spec.timezone or ""],
        "canary_percent": [str(spec.canary_percent or "")],
        "best_hour": ["on"] if spec.best_hour else [],
        "expires_after_hours": [str(spec.expires_after_hours or "")],
        "locale": [spec.locale or ""],
        "channels": list(spec.channels or ()),
        "exclude": [", ".join(spec.audience.exclude_campaigns)],
        **{f"var_{name}": [_written(value)] for name, value in spec.context.items()},
    }
    if spec.schedule is not None:
        form["when"] = ["schedule"]
        form |= {name: [str(value)] for name, value in spec.schedule.model_dump(exclude_none=True).items()}
    elif spec.start_at is not None:
        zone = default_zone if spec.timezone in (None, RECIPIENT) else str(spec.timezone)
        form["when"] = ["at"]
        form["start_at"] = [f"{spec.start_at.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M}"]
    return form | _audience_form(spec)


def rows_of(form: Form) -> list[dict[str, str]]:
    """The conditions of the rule, with some empty ones to write into."""
    columns = [list(form.get(name, ())) for name in _ROWS]
    filled = [dict(zip(_ROWS, row, strict=True)) for row in zip(*columns, strict=False) if row[0].strip()]
    return [*filled, *({"attribute": "", "op": "equals", "value": ""} for _ in range(EMPTY_ROWS))]


def _audience_form(spec: Campaign) -> dict[str, list[str]]:
    audience = spec.audience
    if audience.list_id is not None:
        return {"audience": ["list"], "list_id": [audience.list_id]}
    if audience.rule is None:
        return {"audience": ["everyone"]}
    rule = audience.rule
    join = "any" if rule.any is not None else "all"
    parts = rule.all or rule.any or (rule,)
    if any(part.attribute is None for part in parts):
        text = json.dumps(rule.model_dump(mode="json", by_alias=True, exclude_none=True), ensure_ascii=False, indent=2)
        return {"audience": ["rule"], "rule_json": [text]}
    return {
        "audience": ["rule"],
        "join": [join],
        "attribute": [part.attribute or "" for part in parts],
        "op": [part.op or "" for part in parts],
        "value": [_value_text(part.value) for part in parts],
    }


def _audience(form: Form) -> dict[str, Any]:
    out = [part.strip() for part in one(form, "exclude").split(",") if part.strip()]
    audience: dict[str, Any] = {"exclude_campaigns": out} if out else {}
    match one(form, "audience"):
        case "list":
            return {**audience, "list_id": one(form, "list_id")}
        case "rule":
            return {**audience, "rule": _rule(form)}
        case _:
            return {**audience, "everyone": True}


def _rule(form: Form) -> Any:
    if one(form, "rule_json"):
        try:
            return json.loads(one(form, "rule_json"))
        except ValueError as error:
            raise InvalidError.of("rule_json", f"expected JSON: {error}") from error
    rules = [
        {"attribute": row["attribute"].strip(), "op": row["op"], **_value(row["op"], row["value"].strip())}
        for row in rows_of(form)
        if row["attribute"].strip()
    ]
    if not rules:
        raise InvalidError.of("audience", "expected at least one condition")
    return {"any" if one(form, "join") == "any" else "all": rules}


def _value(op: str, text: str) -> dict[str, Any]:
    if op == "exists":
        return {}
    if op == "in":
        return {"value": [_scalar(part.strip()) for part in text.split(",") if part.strip()]}
    if op in ("before", "after") and (days := _DAYS_AGO.fullmatch(text)):
        return {"value": {"days_ago": int(days[1])}}
    return {"value": _scalar(text)} if text or op != "anniversary" else {}


def _scalar(text: str) -> Any:
    """A number, yes or no where it is one; else the text itself."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, int | float | bool) else text


def _value_text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_written(item) for item in value)
    if isinstance(value, dict):
        return f"{value.get('days_ago')}d"
    return "" if value is None else _written(value)


def _when(form: Form, zone: str) -> dict[str, Any]:
    match one(form, "when"):
        case "at":
            return {"start_at": _moment(one(form, "start_at"), zone)}
        case "schedule":
            if one(form, "cron"):
                return {"schedule": {"cron": one(form, "cron")}}
            every, on = one(form, "every") or "week", one(form, "on")
            day: dict[str, Any] = {"on": int(on) if on.isdigit() else on} if on and every != "day" else {}
            return {"schedule": {"every": every, **day, "at": one(form, "at")}}
        case _:
            return {}


def _moment(text: str, zone: str) -> datetime:
    if zone not in available_timezones():
        zone = "UTC"  # the mistake in the zone is named by its own field; at the reader's own time a wall clock counts
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    except ValueError as error:
        raise InvalidError.of("start_at", "expected a date and a time") from error


def _number(form: Form, name: str) -> Any:
    text = one(form, name)
    try:
        return float(text) if "." in text or "e" in text.lower() else int(text)
    except ValueError as error:
        raise InvalidError.of(name, "expected a number") from error


def _context(form: Form, template: Template) -> dict[str, Any]:
    if template.variables is None:
        return _json(form, "context") if one(form, "context") else {}
    context: dict[str, Any] = {}
    for name, variable in template.variables.items():
        text = one(form, f"var_{name}")
        if not text and not variable.required:
            continue
        if variable.type in (VariableType.LIST, VariableType.OBJECT):
            context[name] = _json(form, f"var_{name}") if text else None
        elif variable.type in (VariableType.INTEGER, VariableType.NUMBER):
            context[name] = _number(form, f"var_{name}")
        elif variable.type is VariableType.BOOLEAN:
            context[name] = text == "true"
        elif text:
            context[name] = text
    return {name: value for name, value in context.items() if value is not None}


def _json(form: Form, name: str) -> Any:
    try:
        return json.loads(one(form, name))
    except ValueError as error:
        raise InvalidError.of(name, f"expected JSON: {error}") from error


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
