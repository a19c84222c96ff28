"""Managers and their roles, and the audit."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from chalicelib.accounts.audit import Door, Entry, note, thing_of
from chalicelib.accounts.managers import Role
from chalicelib.addresses import hash_of
from chalicelib.admin.number_format import read_moment
from chalicelib.admin.responses import mistakes_of
from chalicelib.admin.templating import Go, Page, url
from chalicelib.admin.views import Proof, Visit, action, page
from chalicelib.errors import InvalidError, Phrase
from chalicelib.http_errors import status_of
from chalicelib.settings import settings
from chalicelib.stage.app import stage

_PAGE = 50
_AUDIT_FIELDS = ("by", "door", "did", "thing", "outcome")
_SPAN = ("since", "until")
_VALUES = ("before", "after")


# Changes of other accounts need a fresh proof.
_guarded = partial(action, role=Role.ADMINISTRATOR, proof=Proof.RECENT)


@page("/admin/managers", role=Role.ADMINISTRATOR)
def manager_list(visit: Visit) -> Page:
    """Everybody who may sign in, by name."""
    return _everybody(visit, made=None, form=visit.form)


@_guarded("/admin/managers", does="manager.add", again=manager_list)
def add_manager(visit: Visit) -> Page:
    """Shows the new password once."""
    name, roles = visit.typed("name").lower(), list(visit.form.get("role", ()))
    secret = stage().managers.add(name, roles=roles, by=visit.manager.name)
    note(after=sorted(roles))
    return _with_password(visit, name, secret)


@_guarded("/admin/managers/{name}/roles", does="manager.roles", again=manager_list)
def set_roles(visit: Visit) -> Go:
    """Takes effect at their next click."""
    roles = list(visit.form.get("role", ()))
    stage().managers.set_roles(visit.path["name"], roles, by=visit.manager.name, seen=visit.seen)
    note(after=sorted(roles))
    return Go("/admin/managers", done="saved")


@_guarded("/admin/managers/{name}/access", does="manager.access", again=manager_list)
def set_access(visit: Visit) -> Go:
    """Disabled: signed out everywhere, and unable to sign in."""
    if visit.typed("disabled") not in ("yes", "no"):
        raise InvalidError.of("disabled", Phrase("expected yes or no"))
    disabled = visit.typed("disabled") == "yes"
    stage().managers.set_disabled(visit.path["name"], disabled, by=visit.manager.name)
    note(after="disabled" if disabled else "enabled")
    return Go("/admin/managers", done="saved")


@_guarded("/admin/managers/{name}/password", does="manager.password", again=manager_list)
def reset_password(visit: Visit) -> Page:
    """A new password, shown once; their sessions end."""
    return _with_password(
        visit, visit.path["name"], stage().managers.reset_password(visit.path["name"], by=visit.manager.name)
    )


@_guarded("/admin/managers/{name}/code", does="second_factor.drop", again=manager_list)
def forget_second_factor(visit: Visit) -> Go:
    """For somebody who has lost the phone: the password alone is enough again."""
    stage().managers.forget_second_factor(visit.path["name"], by=visit.manager.name)
    return Go("/admin/managers", done="saved")


@page("/admin/managers/{name}/sessions", role=Role.ADMINISTRATOR)
def session_list(visit: Visit) -> Page:
    """Where a manager is signed in."""
    manager = stage().managers.get(visit.path["name"])
    return Page("sessions", {"of": manager, "opened": stage().sessions.of(manager, here=visit.session)})


@_guarded("/admin/managers/{name}/sessions", does="sign-out.everywhere", again=session_list)
def end_sessions(visit: Visit) -> Go:
    """Signs a manager out in every browser."""
    stage().managers.end_sessions(visit.path["name"])
    return Go(f"/admin/managers/{visit.path['name']}/sessions", done="saved")


@_guarded("/admin/managers/{name}/sessions/{key}/end", does="session.end", again=session_list)
def end_session_of(visit: Visit) -> Go:
    """Signs a manager out in one browser."""
    stage().sessions.end_one(visit.path["name"], visit.path["key"])
    return Go(f"/admin/managers/{visit.path['name']}/sessions", done="saved")


@page("/admin/audit", role=Role.ADMINISTRATOR)
def audit_list(visit: Visit) -> Page:
    """Who did what, on the pages and through the API, newest first; filtered by caller, kind, object,
    outcome or time."""
    asked = {name: value for name in (*_AUDIT_FIELDS, *_SPAN) if (value := visit.query.get(name, "").strip())}
    wanted = {field: asked[field] for field in _AUDIT_FIELDS if field in asked}
    if "thing" in wanted:
        wanted["thing"] = (
            asked["thing"] if hash_of(asked["thing"]) else thing_of(asked["thing"], stage().address_hashes)
        )
    shown = {"wanted": asked, "doors": list(Door), "entries": [], "following": None}
    try:
        since, until = (read_moment(asked.get(name), field=name, zone=settings().default_timezone) for name in _SPAN)
    except InvalidError as error:
        return Page("audit", {**shown, "mistakes": mistakes_of(error)}, status_of(error))
    cursor = visit.query.get("cursor")
    entries, cursor = stage().audit_log.page(limit=_PAGE, cursor=cursor, since=since, until=until, wanted=wanted)
    following = url("/admin/audit", **asked, cursor=cursor) if cursor else None
    return Page("audit", {**shown, "entries": [_readable(one) for one in entries], "following": following})


def _readable(entry: Entry) -> Entry:
    values = {name: json.dumps(entry.details[name], ensure_ascii=False) for name in _VALUES if name in entry.details}
    return entry._replace(details={**entry.details, **values})


def _with_password(visit: Visit, name: str, secret: str) -> Page:
    return _everybody(visit, made={"name": name, "password": secret}, form={})


def _everybody(visit: Visit, *, made: Mapping[str, str] | None, form: Mapping[str, Any]) -> Page:
    found, cursor = stage().managers.page(limit=_PAGE, cursor=visit.query.get("cursor"))
    following = url("/admin/managers", cursor=cursor) if cursor else None
    shown = {"managers": found, "following": following, "roles": list(Role), "made": made, "form": form}
    return Page("managers", shown)
