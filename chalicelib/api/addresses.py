"""`/v1/addresses`: what is kept of an e-mail address, whoever was written to there. It stands in the body, so that no
log of paths holds it."""

from typing import Any

from chalice.app import Blueprint
from pydantic import ConfigDict

from chalicelib.accounts.api_keys import Scope
from chalicelib.api.answers import Answer
from chalicelib.api.checked_call import Call
from chalicelib.api.endpoint import endpoint
from chalicelib.api.preferences import in_sight
from chalicelib.profiles.model import Email
from chalicelib.schemas import StrictModel
from chalicelib.wiring.own_say import address_data
from chalicelib.wiring.people import directory

routes = Blueprint(__name__)
_MOST_USERS = 100


class AddressBody(StrictModel):
    """One address, in any spelling."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "guest@example.com"}]})

    email: Email


class AddressExportAnswer(Answer):
    """All that is kept of an address, by the part of the service that keeps it. `users` are those who have the address:
    what is kept of them by their id is exported and erased by their id."""

    email: str
    data: dict[str, Any]
    users: list[str]
    left_out: list[str]


@endpoint(
    routes,
    "POST",
    "/v1/addresses/export",
    summary="All that is kept of an e-mail address",
    scope=Scope.USERS_READ,
    of_all=Scope.USERS_READ_ALL,
    body=AddressBody,
    answer=AddressExportAnswer,
)
def export_address(call: Call[AddressBody, None]) -> dict[str, Any]:
    """Letters to the address as such, their links, rows of uploaded lists, what was said against it. Empty where
    nothing is kept. What services asked for is in it with `users:read-all` alone: without, `left_out` names those
    parts."""
    exported = in_sight(address_data().export("email", call.body.email), call.sight)
    users = [one.id for one in directory().with_email(call.body.email, limit=_MOST_USERS)]
    return {"email": call.body.email, "users": users, **exported}


@endpoint(
    routes,
    "POST",
    "/v1/addresses/erase",
    summary="Erase an e-mail address",
    scope=Scope.USERS_WRITE,
    body=AddressBody,
)
def erase_address(call: Call[AddressBody, None]) -> None:
    """Letters to the address as such, their links, rows of uploaded lists. What was said against it stays, under a
    keyed hash: a letter asked for later is held against it. What was asked for before is skipped as `erased`, what
    waits there for users too. A user who has the address is erased by their id. Repeating it is harmless."""
    address_data().erase("email", call.body.email)
