"""The keys with which services call the API."""

from collections.abc import Mapping
from typing import Any

from chalicelib.accounts.api_keys import Scope, create_key
from chalicelib.accounts.audit import note
from chalicelib.accounts.managers import Role
from chalicelib.admin.templating import Go, Page, url
from chalicelib.admin.views import Proof, Visit, action, page
from chalicelib.errors import InvalidError, Phrase
from chalicelib.live.chat_names import same_name
from chalicelib.stage.app import stage
from chalicelib.storage.api_keys import page_of_keys, service_names
from chalicelib.text import is_tame, one_line, without_ignorables

_LONGEST_NAME = 100
_PAGE = 50


@page("/admin/keys", role=Role.ADMINISTRATOR)
def key_list(visit: Visit) -> Page:
    """The keys and their scopes; revoked ones come last."""
    return _listed(visit, made=None, form=visit.form)


@action("/admin/keys", role=Role.ADMINISTRATOR, does="key.create", again=key_list, proof=Proof.RECENT)
def make_key(visit: Visit) -> Page:
    """Shows the new key once."""
    name, scopes = one_line(visit.typed("name")), list(visit.form.get("scope", ()))
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise InvalidError.of(
            "name", Phrase("expected 1 to {most} characters: which service is it for?", most=_LONGEST_NAME)
        )
    _demand_own_look(name)
    if not scopes:
        raise InvalidError.of("scope", Phrase("expected at least one"))
    for alone in (one for one in Scope if one in scopes and one.widens and one.widens not in scopes):
        raise InvalidError.of("scope", Phrase("{wide} widens {scope}: expected both", wide=alone, scope=alone.widens))
    key = create_key(name, scopes, made_by=visit.manager.key)
    note(things=[key.split("_")[1]], after=sorted(scopes))
    return _listed(visit, made={"name": name, "key": key}, form={})


@action("/admin/keys/{id}/revoke", role=Role.ADMINISTRATOR, does="key.revoke", again=key_list, proof=Proof.RECENT)
def end_key(visit: Visit) -> Go:
    """Revokes it for good; refused everywhere within half a minute."""
    stage().api_keys.revoke(visit.path["id"])
    return Go("/admin/keys", done="revoked")


def _demand_own_look(name: str) -> None:
    """Refuses a name that looks like another service's: a key sees what others of its service asked for. Raises:
    InvalidError (permanent), UnavailableError (retryable)."""
    known = service_names()
    if name in known:
        return
    if without_ignorables(name) != name or not is_tame(name):
        raise InvalidError.of("name", Phrase("expected visible characters"))
    alike = next((one for one in sorted(known) if same_name(one, name)), None)
    if alike is not None:
        raise InvalidError.of(
            "name", Phrase("looks like the service {name}: use exactly that name, or a different one", name=alike)
        )


def _listed(visit: Visit, *, made: Mapping[str, str] | None, form: Mapping[str, Any]) -> Page:
    keys, cursor = page_of_keys(limit=_PAGE, cursor=visit.query.get("cursor"))
    following = url("/admin/keys", cursor=cursor) if cursor else None
    shown = {"keys": keys, "services": sorted({one.name for one in keys}), "following": following}
    return Page("keys", {**shown, "scopes": list(Scope), "made": made, "form": form})
