"""The keys with which services call the API."""

from chalice.app import Blueprint

from chalicelib.admin.frame import Visit, action, page
from chalicelib.admin.look import Go, Page
from chalicelib.control.keys import Scope, create_key, every_key, revoke_key
from chalicelib.control.managers import Role
from chalicelib.errors import InvalidError

routes = Blueprint(__name__)
_LONGEST_NAME = 100


@page(routes, "/admin/keys", role=Role.ADMINISTRATOR)
def key_list(visit: Visit) -> Page:
    """Every key, with what it may do."""
    return Page("keys", {"keys": every_key(), "scopes": list(Scope), "made": None, "form": visit.form})


@action(routes, "/admin/keys", role=Role.ADMINISTRATOR, does="key.create", again=key_list)
def make_key(visit: Visit) -> Page:
    """Shows it once."""
    name, scopes = visit.typed("name"), list(visit.form.get("scope", ()))
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise InvalidError.of("name", f"expected 1 to {_LONGEST_NAME} characters: which service is it for?")
    if not scopes:
        raise InvalidError.of("scope", "expected at least one")
    made = {"name": name, "key": create_key(name, scopes)}
    return Page("keys", {"keys": every_key(), "scopes": list(Scope), "made": made, "form": {}})


@action(routes, "/admin/keys/{id}/revoke", role=Role.ADMINISTRATOR, does="key.revoke", again=key_list)
def end_key(visit: Visit) -> Go:
    """For good; refused everywhere within half a minute."""
    revoke_key(visit.path["id"])
    return Go("/admin/keys", done="revoked")
