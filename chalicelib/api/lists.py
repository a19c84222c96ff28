"""`/v1/lists`: audiences as files. Request an upload, PUT the file, look at it, and have it loaded."""

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from chalicelib.accounts.api_keys import Scope
from chalicelib.accounts.audit import note
from chalicelib.api.checked_call import Call
from chalicelib.api.endpoint import endpoint
from chalicelib.api.list_answers import ListAnswer, ListPage
from chalicelib.api.list_looks import ReadingQuery
from chalicelib.api.notifications import PageQuery
from chalicelib.campaigns import lists as audience_lists
from chalicelib.campaigns.list_columns import MAX_COLUMNS, Target
from chalicelib.campaigns.list_file import Reading
from chalicelib.campaigns.list_lines import MAX_LINE_CHARACTERS
from chalicelib.campaigns.list_preview import check_reading
from chalicelib.campaigns.list_uploads import CONTENT_TYPE, URL_SECONDS
from chalicelib.etags import tag_of
from chalicelib.profiles.model import Name
from chalicelib.schemas import StrictModel
from chalicelib.stage.app import stage
from chalicelib.storage.recipient_lists import RecipientList

writes = partial(endpoint, scope=Scope.CAMPAIGNS_WRITE, of_all=Scope.CAMPAIGNS_WRITE_ALL)


class ListBody(StrictModel):
    """A list's name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Subscribers of the autumn"}]})

    name: Name


class LoadBody(ReadingQuery):
    """How the file is to be read where the preview shows something else."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"columns": {"Contact": "email", "City": "attributes.city", "Notes": None}}]}
    )

    columns: Annotated[
        Mapping[Annotated[str, Field(max_length=MAX_LINE_CHARACTERS)], Target | None],
        Field(
            max_length=MAX_COLUMNS,
            description="what columns become, by name: a field, `attributes.<name>`, or null: it is left out; "
            "those that are not named become what the preview shows",
        ),
    ] = Field(default_factory=dict)

    def reading(self) -> Reading:
        return super().reading()._replace(columns=self.columns)


class ListQuery(PageQuery):
    """Which lists, and which page of them."""

    q: Annotated[str, Field(max_length=200, description="words of the name")] = ""


@endpoint(
    "GET",
    "/v1/lists",
    summary="Lists, newest first",
    scope=Scope.CAMPAIGNS_READ,
    of_all=Scope.CAMPAIGNS_READ_ALL,
    answer=ListPage,
)
def list_lists(call: Call[None, ListQuery]) -> dict[str, Any]:
    """With `q`, those whose name has every word of it. A page may hold fewer entries than requested, or none; only
    `cursor` says whether there are more. Bad lines are shown by GET of one list alone."""
    found, cursor = stage().lists.page(
        limit=call.query.limit, cursor=call.query.cursor, words=call.query.q, sight=call.sight
    )
    return {"lists": [_described(row) for row in found if row.deleting_at is None], "cursor": cursor}


@writes("POST", "/v1/lists", summary="Request the upload of a list", answer=ListAnswer, status=HTTPStatus.CREATED)
def create_list(call: Call[ListBody, None]) -> dict[str, Any]:
    """The file is CSV as Excel, Google Sheets and their like save it, with commas, semicolons, tabs or pipes, in UTF-8,
    UTF-16 or Windows-1251. Its header names columns of addresses or user ids, and for addresses optionally names,
    languages and time zones, in English, Russian and some other languages; every other column becomes an attribute. At
    most a million rows. `PUT` it to `upload.url`, look at `preview`, then call `load`."""
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
def load_list(call: Call[LoadBody, None]) -> dict[str, Any]:
    """Runs in the background; GET the list for the result. Without a body the file is read as the preview shows it."""
    list_id, reading = call.path["id"], call.body.reading()
    if reading.kept():
        stage().lists.get(list_id, sight=call.sight)
        check_reading(list_id, reading, uploads=stage().uploads)
    return _described(
        audience_lists.load_list(list_id, reading, lists=stage().lists, queues=stage().queues, sight=call.sight)
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
    "PATCH",
    "/v1/lists/{id}",
    summary="Rename a list",
    answer=ListAnswer,
    tag=_tag,
    if_match=True,
)
def rename_list(call: Call[ListBody, None]) -> dict[str, Any]:
    """Campaigns for it stay as they are."""
    return _described(
        audience_lists.rename_list(
            call.path["id"], call.body.name, lists=stage().lists, seen=call.seen, sight=call.sight
        )
    )


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
    upload, reading = None, Reading.of(row.reading)
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
        "columns": dict(reading.columns),
        "encoding": reading.encoding,
        "separator": reading.separator,
        "created_at": row.created_at,
        "created_by": row.created_by,
        "loaded_at": row.loaded_at,
        "read_bytes": row.read_bytes,
        "file_bytes": row.file_bytes,
        "upload": upload,
    }
