"""Managers and their roles, and the audit."""

from collections.abc import Mapping
from typing import Any

from chalice.app import Blueprint

from chalicelib.admin.frame import REGISTERED, Visit, action, page
from chalicelib.admin.look import Go, Page, url
from chalicelib.control.managers import Role
from chalicelib.errors import InvalidError
from chalicelib.wiring.admin import audit, managers

routes = Blueprint(__name__)
_PAGE = 50
_OUTCOMES = ("done", "forbidden", "unauthorized", "invalid", "conflict", "changed", "notfound")
_AUDIT_FIELDS = ("by", "did", "thing", "outcome")


@page(routes, "/admin/managers", role=Role.ADMINISTRATOR)
def manager_list(visit: Visit) -> Page:
    """Everybody who may sign in, by name."""
    return _everybody(visit, made=None, form=visit.form)


@action(routes, "/admin/managers", role=Role.ADMINISTRATOR, does="manager.add", again=manager_list)
def add_manager(visit: Visit) -> Page:
    """Shows the new password once."""
    name = visit.typed("name").lower()
    secret = managers().add(name, roles=list(visit.form.get("role", ())), by=visit.manager.name)
    return _with_password(visit, name, secret)


@action(routes, "/admin/managers/{name}/roles", role=Role.ADMINISTRATOR, does="manager.roles", again=manager_list)
def set_roles(visit: Visit) -> Go:
    """Takes effect at their next click."""
    managers().set_roles(visit.path["name"], list(visit.form.get("role", ())), by=visit.manager.name, seen=visit.seen)
    return Go("/admin/managers", done="saved")


@action(routes, "/admin/managers/{name}/access", role=Role.ADMINISTRATOR, does="manager.access", again=manager_list)
def set_access(visit: Visit) -> Go:
    """Disabled: signed out everywhere, and no way in."""
    if visit.typed("disabled") not in ("yes", "no"):
        raise InvalidError.of("disabled", "expected yes or no")
    managers().set_disabled(visit.path["name"], visit.typed("disabled") == "yes", by=visit.manager.name)
    return Go("/admin/managers", done="saved")


@action(routes, "/admin/managers/{name}/password", role=Role.ADMINISTRATOR, does="manager.password", again=manager_list)
def reset_password(visit: Visit) -> Page:
    """A new password, shown once; their sessions end."""
    return _with_password(visit, visit.path["name"], managers().reset_password(visit.path["name"]))


@action(
    routes,
    "/admin/managers/{name}/code",
    role=Role.ADMINISTRATOR,
    does="second_factor.drop",
    again=manager_list,
)
def forget_second_factor(visit: Visit) -> Go:
    """For somebody who has lost the phone: the password alone is enough again."""
    managers().forget_second_factor(visit.path["name"])
    return Go("/admin/managers", done="saved")


@page(routes, "/admin/audit", role=Role.ADMINISTRATOR)
def audit_list(visit: Visit) -> Page:
    """Who did what, newest first; of one manager, kind, thing or outcome where that is asked."""
    wanted = {field: value for field in _AUDIT_FIELDS if (value := visit.query.get(field, "").strip())}
    entries, cursor = audit().page(limit=_PAGE, cursor=visit.query.get("cursor"), **wanted)
    following = url("/admin/audit", **wanted, cursor=cursor) if cursor else None
    kinds = sorted({route.does for route in REGISTERED if route.does} | {"sign-in"})
    shown = {"entries": entries, "wanted": wanted, "kinds": kinds, "outcomes": _OUTCOMES, "following": following}
    return Page("audit", shown)


def _with_password(visit: Visit, name: str, secret: str) -> Page:
    return _everybody(visit, made={"name": name, "password": secret}, form={})


def _everybody(visit: Visit, *, made: Mapping[str, str] | None, form: Mapping[str, Any]) -> Page:
    found, cursor = managers().page(limit=_PAGE, cursor=visit.query.get("cursor"))
    following = url("/admin/managers", cursor=cursor) if cursor else None
    shown = {"managers": found, "following": following, "roles": list(Role), "made": made, "form": form}
    return Page("managers", shown)
