"""The settings of the site: where a confirmed user goes, which hosts links may lead to, how long links work, which
letters events send."""

import json
from typing import Any

from chalice.app import Blueprint
from pydantic import BaseModel

from chalicelib.admin.frame import Visit, action, page
from chalicelib.admin.look import Go, Page
from chalicelib.control.managers import Role
from chalicelib.control.site_settings import NAMES, SiteValues
from chalicelib.errors import InvalidError, NotFoundError
from chalicelib.wiring.control import site_settings
from chalicelib.wiring.intake import site_desk

routes = Blueprint(__name__)


@page(routes, "/admin/settings")
def site_page(visit: Visit) -> Page:  # noqa: ARG001 - the frame gives it
    """Every setting as a form of its own; what was changed, by whom and when."""
    shown = []
    for setting in site_settings().list():
        kind = _kind(setting.name)
        text = json.dumps(setting.value, ensure_ascii=False, indent=2) if kind == "json" else setting.value
        shown.append({"setting": setting, "kind": kind, "value": text})
    return Page("settings", {"settings": shown})


@action(routes, "/admin/settings/{name}", role=Role.EDITOR, does="setting.change", again=site_page)
def change_setting(visit: Visit) -> Go:
    """In force at once for links, within 15 seconds for letters on their way."""
    name = visit.path["name"]
    if name not in NAMES:
        raise NotFoundError(f"there is no setting {name}")
    version = visit.typed("version")
    site_desk().put(
        name, _value(visit, name), by=visit.manager.key, version=int(version) if version.isdigit() else None
    )
    return Go("/admin/settings", done="saved")


def _kind(name: str) -> str:
    """How a setting is written: `text`, `lines`, `group` of numbers and names, or `json`."""
    declared = SiteValues.model_fields[name].annotation
    if declared is str:
        return "text"
    if isinstance(declared, type) and issubclass(declared, BaseModel):
        return "group"
    return "lines" if name == "allowed_hosts" else "json"


def _value(visit: Visit, name: str) -> Any:
    match _kind(name):
        case "text":
            return visit.typed("value")
        case "lines":
            return sorted(set(visit.typed("value").split()))
        case "group":
            group = SiteValues.model_fields[name].annotation
            assert isinstance(group, type)  # noqa: S101 - `_kind` has said so
            assert issubclass(group, BaseModel)  # noqa: S101
            return {field: _plain(visit.typed(field)) for field in group.model_fields}
        case _:
            try:
                return json.loads(visit.typed("value"))
            except ValueError as error:
                raise InvalidError.of(name, f"expected JSON: {error}") from error


def _plain(text: str) -> Any:
    return int(text) if text.isdigit() else text
