"""`/v1/addresses`: what is stored about an e-mail address, whoever wrote to it. The address is in the body, so that no
log of paths holds it."""

from typing import Any

from pydantic import ConfigDict

from chalicelib.accounts.api_keys import Scope
from chalicelib.api.answers import ApiAnswer
from chalicelib.api.checked_call import Call
from chalicelib.api.endpoint import endpoint
from chalicelib.api.preferences import in_sight
from chalicelib.profiles.model import Email
from chalicelib.schemas import StrictModel
from chalicelib.stage.app import stage

_MOST_USERS = 100


class AddressBody(StrictModel):
    """One address, in any spelling."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "guest@example.com"}]})

    email: Email


class AddressExportAnswer(ApiAnswer):
    """Everything stored about an address, grouped by the part of the service that stores it. `users` are the ids of
    users who have the address; their own data are exported and erased by id."""

    email: str
    data: dict[str, Any]
    users: list[str]
    left_out: list[str]


@endpoint(
    "POST",
    "/v1/addresses/export",
    summary="Export everything stored about an e-mail address",
    scope=Scope.USERS_READ,
    of_all=Scope.USERS_READ_ALL,
    answer=AddressExportAnswer,
)
def export_address(call: Call[AddressBody, None]) -> dict[str, Any]:
    """Letters to the bare address, their links, rows of uploaded lists, and opt-outs and suppressions. Empty if nothing
    is stored. What services asked for is included only with `users:read-all`; otherwise `left_out` names the missing
    parts."""
    exported = in_sight(stage().address_data.export("email", call.body.email), call.sight)
    users = [one.id for one in stage().directory.with_email(call.body.email, limit=_MOST_USERS)]
    return {"email": call.body.email, "users": users, **exported}


@endpoint("POST", "/v1/addresses/erase", summary="Erase an e-mail address", scope=Scope.USERS_WRITE)
def erase_address(call: Call[AddressBody, None]) -> None:
    """Erases letters to the bare address, their links and rows of uploaded lists. Opt-outs and suppressions stay under
    a keyed hash, so that later letters still respect them. Letters accepted before are skipped as `erased`, including
    those on their way to users. Users who have the address are erased by their id. May be repeated safely."""
    stage().address_data.erase("email", call.body.email)
