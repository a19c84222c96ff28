"""Event rules: which letters follow an event on the site. Each rule has its own form; together they are the setting
`event_rules`."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from chalicelib.accounts.managers import Role
from chalicelib.admin.templating import Go, Page
from chalicelib.admin.views import Visit, action, page
from chalicelib.configuration.setting_shapes import MAX_STEPS, EventRule, EventStep
from chalicelib.configuration.site_settings import Setting
from chalicelib.errors import ChangedError, FieldError, InvalidError, NotFoundError, Phrase
from chalicelib.etags import Seen, tag_of
from chalicelib.stage.app import stage
from chalicelib.text import strict_json, whole_number

_SETTING = "event_rules"
_PUT_TRIES = 5
_NAME = ".[key]"  # how the path of a mistake in a name ends
_EMPTY_STEPS = 2  # empty rows without a script; once saved, the form has two more again
_UNITS: Mapping[str, int] = {"days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}
_PARTS = ("template", "category", "channels", "delay", "unit", "attribute", "equals")


@page("/admin/event-rules")
def rule_list(visit: Visit) -> Page:  # noqa: ARG001 - the frame gives it
    """Every event that sends letters, with its letters in order."""
    rules = _rules()
    return Page("event_rules", {"rules": {event: list(map(_row, rule.steps)) for event, rule in sorted(rules.items())}})


@page("/admin/event-rules/new", role=Role.EDITOR)
def new_rule(visit: Visit) -> Page:
    """An empty form, or what was typed into it."""
    return _form_page(visit, None, event=visit.typed("event"), was=None)


@page("/admin/event-rules/{event}")
def one_rule(visit: Visit) -> Page:
    """The letters of one event."""
    rules = _rules()
    event = visit.path["event"]
    if event not in rules:
        raise NotFoundError(Phrase("there is no rule for the event {event}", event=event))
    return _form_page(visit, rules[event], event=visit.typed("event") or event, was=event)


@action("/admin/event-rules/new", role=Role.EDITOR, does="event_rule.add", again=new_rule)
def add_rule(visit: Visit) -> Go:
    """In force for the next event of that kind, within 15 seconds everywhere."""
    return _save(visit, was=None)


@action("/admin/event-rules/{event}", role=Role.EDITOR, does="event_rule.change", again=one_rule)
def change_rule(visit: Visit) -> Go:
    """Letters that are waiting keep the step that made them."""
    return _save(visit, was=visit.path["event"])


@action("/admin/event-rules/{event}/remove", role=Role.EDITOR, does="event_rule.remove", again=one_rule)
def remove_rule(visit: Visit) -> Go:
    """The event sends nothing any more."""
    _put(visit, was=visit.path["event"], changed={})
    return Go("/admin/event-rules", done="removed")


def _rules() -> dict[str, EventRule]:
    return _read(stage().site_settings.get(_SETTING))


def _read(setting: Setting) -> dict[str, EventRule]:
    return {event: EventRule.model_validate(rule) for event, rule in setting.value.items()}


def _form_page(visit: Visit, rule: EventRule | None, *, event: str, was: str | None) -> Page:
    steps = rule.steps if rule else ()
    rows = list(_typed_rows(visit)) if visit.form else [_row(step) for step in steps]
    empty = dict.fromkeys(_PARTS, "") | {"unit": "days"}
    shown = {
        "event": event,
        "was": was,
        "seen": tag_of(_fields(rule)) if rule else "",
        "steps": (rows + [empty] * _EMPTY_STEPS)[:MAX_STEPS],
        # what was typed is shown again
        "templates": sorted({*stage().templates.keys(), *(row["template"] for row in rows)}),
        "units": list(_UNITS),
    }
    return Page("event_rule", shown)


def _fields(rule: EventRule) -> dict[str, Any]:
    return rule.model_dump(mode="json")


def _row(step: EventStep) -> dict[str, str]:
    seconds = int(step.delay / timedelta(seconds=1))
    unit = next(unit for unit, size in _UNITS.items() if seconds % size == 0)
    stop = step.stop_when
    return {
        "template": step.template,
        "category": step.category or "",
        "channels": ", ".join(step.channels or ()),
        "delay": str(seconds // _UNITS[unit]) if seconds else "",
        "unit": unit,
        "attribute": stop.attribute if stop else "",
        "equals": _written(stop.equals) if stop else "",
    }


def _typed_rows(visit: Visit) -> Iterator[dict[str, str]]:
    """The rows of the form with a chosen letter."""
    columns = [[text.strip() for text in visit.form.get(part, ())] for part in _PARTS]
    for values in zip(*columns, strict=False):
        row = dict(zip(_PARTS, values, strict=True))
        if row["template"]:
            yield row


def _save(visit: Visit, *, was: str | None) -> Go:
    event = visit.typed("event")
    if not event:
        raise InvalidError.of("event", Phrase("expected the event's name, such as order.paid"))
    steps = [_step(row, f"steps[{n}]") for n, row in enumerate(_typed_rows(visit))]
    try:
        _put(visit, was=was, changed={event: {"steps": steps}})
    except InvalidError as error:
        wrong = [FieldError("event" if at.endswith(_NAME) else at, message) for at, message in error.errors]
        raise InvalidError(error.detail, wrong) from error
    return Go("/admin/event-rules", done="saved")


def _put(visit: Visit, *, was: str | None, changed: Mapping[str, Any]) -> None:
    """Changes one rule and leaves alone those that others change meanwhile: the form is compared with this rule, the
    write with the whole setting as read here. Raises: ChangedError (permanent)."""
    for left in reversed(range(_PUT_TRIES)):
        setting = stage().site_settings.get(_SETTING)
        rules = _read(setting)
        if was is not None and visit.seen is not None:
            visit.seen.require(
                _fields(rules[was]) if was in rules else None, what=Phrase("the rule for {event}", event=was)
            )
        if taken := [event for event in changed if event != was and event in rules]:
            raise InvalidError.of("event", Phrase("there is a rule for {event} already", event=taken[0]))
        value = {event: _fields(rule) for event, rule in rules.items() if event != was} | dict(changed)
        try:
            stage().settings_changes.put(_SETTING, value, by=visit.manager.key, seen=Seen((setting.tag,)))
            return
        except ChangedError:
            if not left:
                raise


def _step(row: Mapping[str, str], place: str) -> dict[str, Any]:
    """A row of the form as the API takes a step; the setting's own check reports mistakes in it."""
    try:
        delay = whole_number(row["delay"]) if row["delay"] else None
    except ValueError as error:
        wrong = [FieldError(f"{place}.delay", Phrase("expected a whole number"))]
        raise InvalidError(Phrase("the delay is not a number"), wrong) from error
    step: dict[str, Any] = {"template": row["template"]}
    if row["category"]:
        step["category"] = row["category"]
    if row["channels"]:
        step["channels"] = [name.strip() for name in row["channels"].split(",") if name.strip()]
    if delay is not None:
        step["delay"] = delay * _UNITS.get(row["unit"], 1)
    if row["attribute"]:
        step["stop_when"] = {"attribute": row["attribute"], "equals": _value(row["equals"])}
    return step


def _value(text: str) -> Any:
    """`true`, a number, `null`, or text in JSON quotes; anything else is text."""
    try:
        value = strict_json(text)
    except ValueError:
        return text
    return text if isinstance(value, list | dict) else value


def _written(value: Any) -> str:
    """What `_value` reads back as the same."""
    if isinstance(value, str) and _value(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)
