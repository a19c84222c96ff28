"""The settings page. Settings with a value per category, or per language, are rows of its forms."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from chalicelib.accounts.managers import Role
from chalicelib.admin.templating import LANGUAGES, Go, Page
from chalicelib.admin.views import Visit, action, page
from chalicelib.categories import CATEGORIES
from chalicelib.configuration.site_values import NAMES, SiteValues
from chalicelib.errors import NotFoundError, Phrase
from chalicelib.etags import Seen
from chalicelib.settings import settings
from chalicelib.stage.app import stage

# The columns of each; a row with an empty first column sets nothing.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "routes": ("channels", "mode", "after_minutes"),
    "caps": ("letters", "days"),
    "senders": ("address", "name", "reply_to"),
    "legal": ("company", "address", "line"),
}

_NAMES = tuple(name for name in NAMES if name != "event_rules")  # they have a page of their own
_OF_THE_STAGE = ("retention_days", "default_timezone", "default_locale", "campaign_approval", "site_url")


@page("/admin/settings")
def site_page(visit: Visit) -> Page:
    """Every setting as its own form, with what was changed, by whom and when."""
    shown = []
    stored = {setting.name: setting for setting in stage().site_settings.list()}
    for setting in (stored[name] for name in _NAMES):
        kind = _kind(setting.name)
        value = rows_of(setting.name, setting.value) if kind == "rows" else setting.value
        shown.append({"setting": setting, "kind": kind, "value": value})
    fixed = {name: getattr(settings(), name) for name in _OF_THE_STAGE}
    changes = stage().settings_changes
    guarded = {
        "guarded": changes.guarded,
        "proposed": changes.proposed(),
        "me": visit.manager.key,
    }
    return Page("settings", {"settings": shown, "stage": fixed, "comment": visit.typed("comment"), **guarded})


@action("/admin/settings/{name}", role=Role.EDITOR, does="setting.change", again=site_page)
def change_setting(visit: Visit) -> Go:
    """In force at once for links, within 15 seconds for letters on their way, or once another manager has approved."""
    name = visit.path["name"]
    if name not in _NAMES:
        raise NotFoundError(Phrase("there is no setting {name}", name=name))
    stage().settings_changes.change(name, _value(visit, name), by=visit.manager.key, seen=visit.seen)
    return Go("/admin/settings", done="proposed" if name in stage().settings_changes.guarded else "saved")


@action("/admin/settings/{name}/approve", role=Role.APPROVER, does="setting.approve", again=site_page)
def approve_setting(visit: Visit) -> Go:
    """Nobody can approve their own proposal."""
    stage().settings_changes.approve(visit.path["name"], by=visit.manager.key, seen=Seen((visit.typed("seen"),)))
    return Go("/admin/settings", done="approved_setting")


@action("/admin/settings/{name}/send-back", role=Role.APPROVER, does="setting.send_back", again=site_page)
def send_back_setting(visit: Visit) -> Go:
    """Back to whoever proposed it, with what should be changed; the old value stays."""
    comment, seen = visit.comment, Seen((visit.typed("seen"),))
    stage().settings_changes.send_back(visit.path["name"], by=visit.manager.key, comment=comment, seen=seen)
    return Go("/admin/settings", done="sent_back")


def _kind(name: str) -> str:
    """How a setting is edited: `text`, `lines`, `group` of fields, or `rows`, one per category or language."""
    if name in COLUMNS:
        return "rows"
    declared = SiteValues.model_fields[name].annotation
    if declared is str:
        return "text"
    if isinstance(declared, type) and issubclass(declared, BaseModel):
        return "group"
    return "lines"


def _value(visit: Visit, name: str) -> Any:
    match _kind(name):
        case "text":
            return visit.typed("value")
        case "lines":
            return sorted(set(visit.typed("value").split()))
        case "rows":
            return read_rows(name, visit.form)
        case _:
            group = SiteValues.model_fields[name].annotation
            assert isinstance(group, type)  # noqa: S101 - `_kind` has said so
            assert issubclass(group, BaseModel)  # noqa: S101
            return {field: visit.typed(field) for field in group.model_fields}


def rows_of(name: str, value: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """A row for every category that can have one, or for each language: its columns as text."""
    shown: list[str] = [one.value for one in CATEGORIES.values() if name != "caps" or not one.transactional]
    if name == "legal":
        shown = sorted({*LANGUAGES, *value})
    return {one: {column: _text(value.get(one, {}).get(column)) for column in COLUMNS[name]} for one in shown}


def read_rows(name: str, form: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Any]]:
    """The value of the rows; the setting's own check reports mistakes in it."""
    first, *others = COLUMNS[name]
    value = {}
    for one in dict.fromkeys(field.rpartition(".")[0] for field in form if field.endswith(f".{first}")):
        row = {column: _typed(form, f"{one}.{column}") for column in (first, *others)}
        if row[first]:
            value[one] = {column: _read(column, text) for column, text in row.items() if text}
    return value


def _typed(form: Mapping[str, Sequence[str]], field: str) -> str:
    return next(iter(form.get(field, ())), "").strip()


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(value)
    return "" if value is None else str(value)


def _read(column: str, text: str) -> Any:
    return [part.strip() for part in text.split(",") if part.strip()] if column == "channels" else text
