"""`/v1/lists`: audiences as files. Request an upload, PUT the file, then confirm that it is complete."""

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from pydantic import ConfigDict

from chalicelib.accounts.api_keys import Scope
from chalicelib.accounts.audit import note
from chalicelib.api.campaign_answers import ListAnswer
from chalicelib.api.checked_call import Call
from chalicelib.api.endpoint import endpoint
from chalicelib.campaigns import lists as audience_lists
from chalicelib.campaigns.lists import CONTENT_TYPE, URL_SECONDS
from chalicelib.etags import tag_of
from chalicelib.profiles.model import Name
from chalicelib.schemas import StrictModel
from chalicelib.stage.app import stage
from chalicelib.storage.recipient_lists import RecipientList

writes = partial(endpoint, scope=Scope.CAMPAIGNS_WRITE, of_all=Scope.CAMPAIGNS_WRITE_ALL)


class ListBody(StrictModel):
    """A list to upload."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Subscribers of the autumn"}]})

    name: Name


@writes("POST", "/v1/lists", summary="Request the upload of a list", answer=ListAnswer, status=HTTPStatus.CREATED)
def create_list(call: Call[ListBody, None]) -> dict[str, Any]:
    """The file is CSV in UTF-8 with a header: `user_id` or `email`, and for addresses optionally `name`, `locale` and
    `timezone`; every other column becomes an attribute. At most a million rows. `PUT` it to `upload.url`, then call
    `load`."""
    row = stage().lists.add(call.body.name, by=call.caller.key_id, id_=call.own_id("list"), service=call.caller.service)
    note(things=[row.list_id])
    return _described(row, with_upload=True)


@writes(
    "POST",
    "/v1/lists/{id}/load",
    summary="Load the uploaded file",
    answer=ListAnswer,
    status=HTTPStatus.ACCEPTED,
    problems={HTTPStatus.CONFLICT: "it was read already"},
)
def load_list(call: Call[None, None]) -> dict[str, Any]:
    """Runs in the background; GET the list for the result."""
    return _described(
        audience_lists.load_list(call.path["id"], lists=stage().lists, queues=stage().queues, sight=call.sight)
    )


def _tag(shown: Mapping[str, Any]) -> str:
    return tag_of({name: shown[name] for name in ("name", "state", "rows", "loaded_at")})


@endpoint(
    "GET",
    "/v1/lists/{id}",
    summary="One list",
    scope=Scope.CAMPAIGNS_READ,
    of_all=Scope.CAMPAIGNS_READ_ALL,
    answer=ListAnswer,
    tag=_tag,
)
def get_list(call: Call[None, None]) -> dict[str, Any]:
    """Includes the lines that were left out, by number; a file that cannot be read makes the list failed, with the
    reason."""
    return _described(stage().lists.get(call.path["id"], sight=call.sight))


@writes(
    "DELETE",
    "/v1/lists/{id}",
    summary="Delete an uploaded list",
    problems={HTTPStatus.CONFLICT: "it is being read, or a campaign that is not over is for it"},
    if_match=True,
)
def delete_list(call: Call[None, None]) -> None:
    """Deletes it with all its rows. May be repeated safely."""
    audience_lists.forget_list(
        call.path["id"], lists=stage().lists, campaigns=stage().campaigns, seen=call.seen, sight=call.sight
    )


def _described(row: RecipientList, *, with_upload: bool = False) -> dict[str, Any]:
    upload = None
    if with_upload:
        upload = {
            "url": stage().uploads.url(row.list_id),
            "headers": {"Content-Type": CONTENT_TYPE},
            "expires_in_seconds": URL_SECONDS,
        }
    return {
        "id": row.list_id,
        "name": row.name,
        "state": row.state,
        "problem": row.problem,
        "rows": row.row_count,
        "bad": row.bad_count,
        "bad_lines": list(row.bad_lines),
        "created_at": row.created_at,
        "loaded_at": row.loaded_at,
        "upload": upload,
    }
