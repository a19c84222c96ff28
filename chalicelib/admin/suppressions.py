"""Addresses that must not be written to."""

from typing import Any
from urllib.parse import urlencode

from pydantic import ConfigDict, TypeAdapter, ValidationError

from chalicelib.accounts.managers import Role
from chalicelib.admin.templating import Go, Page, url
from chalicelib.admin.views import Visit, action, page
from chalicelib.errors import InvalidError, NotFoundError, Phrase
from chalicelib.etags import tag_of
from chalicelib.profiles.model import Email
from chalicelib.profiles.suppressions import Suppression, fields_of
from chalicelib.reasons import SuppressionReason
from chalicelib.stage.app import stage

_PAGE = 50
_CHANNEL = "email"
_EMAIL: TypeAdapter[str] = TypeAdapter(Email, config=ConfigDict(defer_build=True))


@page("/admin/suppressions", shows="suppression.look")
def suppression_list(visit: Visit) -> Page:
    """One address with its history, or all of them, newest first."""
    wanted = visit.query.get("address", "").strip()
    found: list[Suppression] = []
    cursor: str | None = None
    if not wanted:
        found, cursor = stage().suppressions.page(_CHANNEL, limit=_PAGE, cursor=visit.query.get("cursor"))
    one = _found(wanted) if wanted else None
    shown: dict[str, Any] = {
        "wanted": wanted,
        "one": one,
        "seen": tag_of(fields_of(one)) if one else "",
        "found": found,
        "form": visit.form,
        "following": url("/admin/suppressions", cursor=cursor) if cursor else None,
    }
    return Page("suppressions", shown)


@action("/admin/suppressions", role=Role.OPERATOR, does="suppression.add", again=suppression_list)
def add_suppression(visit: Visit) -> Go:
    """An address that is already suppressed keeps its first reason."""
    try:
        address = _EMAIL.validate_python(visit.typed("address"))
    except ValidationError as error:
        raise InvalidError.of("address", Phrase("expected an e-mail address such as anna@example.com")) from error
    stage().suppressions.add(_CHANNEL, address, reason=SuppressionReason.BY_HAND, by=visit.manager.key)
    return _back_to(address)


@action("/admin/suppressions/remove", role=Role.OPERATOR, does="suppression.remove", again=suppression_list)
def remove_suppression(visit: Visit) -> Go:
    """Letters may go there again."""
    address = visit.typed("address")
    stage().suppressions.remove(_CHANNEL, address, by=visit.manager.key, seen=visit.seen)
    return _back_to(address)


def _back_to(address: str) -> Go:
    return Go(f"/admin/suppressions?{urlencode({'address': address})}", done="saved")  # it may hold a plus


def _found(address: str) -> Suppression | None:
    try:
        return stage().suppressions.get(_CHANNEL, address)
    except NotFoundError:
        return None
