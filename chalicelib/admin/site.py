"""The settings of the site: whom letters are from, where a confirmed user goes, which hosts
links may lead to, how long links work, when it is quiet."""

from typing import Any

from chalice.app import Blueprint
from pydantic import BaseModel

from chalicelib.admin.category_form import COLUMNS, read_rows, rows_of
from chalicelib.admin.frame import Visit, action, page
from chalicelib.admin.look import Go, Page
from chalicelib.control.managers import Role
from chalicelib.control.site_settings import NAMES, SiteValues
from chalicelib.errors import NotFoundError
from chalicelib.settings import settings
from chalicelib.wiring.control import site_settings
from chalicelib.wiring.desk import site_desk

routes = Blueprint(__name__)
_NAMES = tuple(name for name in NAMES if name != "event_rules")  # they have a page of their own
_OF_THE_STAGE = ("retention_days", "default_timezone", "default_locale", "campaign_approval", "site_url")


@page(routes, "/admin/settings")
def site_page(visit: Visit) -> Page:  # noqa: ARG001 - the frame gives it
    """Every setting as a form of its own; what was changed, by whom and when."""
    shown = []
    stored = {setting.name: setting for setting in site_settings().list()}
    for setting in (stored[name] for name in _NAMES):
        kind = _kind(setting.name)
        value = rows_of(setting.name, setting.value) if kind == "rows" else setting.value
        shown.append({"setting": setting, "kind": kind, "value": value})
    return Page("settings", {"settings": shown, "stage": {name: getattr(settings(), name) for name in _OF_THE_STAGE}})


@action(routes, "/admin/settings/{name}", role=Role.EDITOR, does="setting.change", again=site_page)
def change_setting(visit: Visit) -> Go:
    """In force at once for links, within 15 seconds for letters on their way."""
    name = visit.path["name"]
    if name not in _NAMES:
        raise NotFoundError(f"there is no setting {name}")
    site_desk().put(name, _value(visit, name), by=visit.manager.key, seen=visit.seen)
    return Go("/admin/settings", done="saved")


def _kind(name: str) -> str:
    """How a setting is written: `text`, `lines`, `group` of fields, or `rows`, one for a category."""
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
