"""What is in a list: an upload before it is loaded, its recipients, and the lines of it that were left out."""

from http import HTTPStatus
from typing import Annotated, Any, Literal

from pydantic import Field

from chalicelib.api.answers import IN_PLACE
from chalicelib.api.checked_call import Call
from chalicelib.api.list_answers import ListPreviewAnswer, ListRecipientsPage, RefusedPage
from chalicelib.api.notifications import PageQuery, reads
from chalicelib.campaigns.list_encoding import Encoding
from chalicelib.campaigns.list_file import Reading
from chalicelib.campaigns.list_preview import ListPreview
from chalicelib.campaigns.list_preview import preview_list as look_at
from chalicelib.campaigns.list_refused import refused_page
from chalicelib.schemas import StrictModel
from chalicelib.stage.app import stage

Separator = Literal[",", ";", "\t", "|"]


class ReadingQuery(StrictModel):
    """How the file is to be read where its bytes do not show it."""

    encoding: Annotated[Encoding, IN_PLACE] | None = None
    separator: Separator | None = None

    def reading(self) -> Reading:
        """The same for the reader."""
        return Reading(self.encoding, self.separator)


class ListRecipientsQuery(PageQuery):
    """Which recipients, and which page of them."""

    q: Annotated[str, Field(max_length=254, description="an address, a user id, or a part of either or of a name")] = ""


@reads(
    "GET",
    "/v1/lists/{id}/preview",
    summary="What an uploaded file looks like",
    answer=ListPreviewAnswer,
    problems={HTTPStatus.CONFLICT: "nothing was uploaded"},
)
def preview_list(call: Call[None, ReadingQuery]) -> dict[str, Any]:
    """Its columns with what each becomes, its first lines, and how many of those in its first 64 KB are good. Changes
    nothing. What `problem` names would refuse the whole file."""
    stage().lists.get(call.path["id"], sight=call.sight)
    return _previewed(look_at(call.path["id"], call.query.reading(), uploads=stage().uploads))


@reads(
    "GET",
    "/v1/lists/{id}/recipients",
    summary="The recipients of a list",
    answer=ListRecipientsPage,
)
def list_recipients(call: Call[None, ListRecipientsQuery]) -> dict[str, Any]:
    """In the order of the file. With `q`, the one with that address or user id, or else those that have it in the
    address, the id or the name. A page may hold fewer entries than requested, or none; only `cursor` says whether there
    are more."""
    found, asked = stage().lists.get(call.path["id"], sight=call.sight), call.query
    rows, cursor = stage().list_rows.page(found, limit=asked.limit, cursor=asked.cursor, text=asked.q)
    return {"recipients": rows, "cursor": cursor}


@reads(
    "GET",
    "/v1/lists/{id}/refused",
    summary="The lines of a list's file that were left out",
    answer=RefusedPage,
)
def list_refused_lines(call: Call[None, PageQuery]) -> dict[str, Any]:
    """The first 10,000 of them, each with what stands in it, for a week."""
    list_id, asked = stage().lists.get(call.path["id"], sight=call.sight).list_id, call.query
    lines, cursor = refused_page(list_id, limit=asked.limit, cursor=asked.cursor, uploads=stage().uploads)
    return {"lines": [one._asdict() for one in lines], "cursor": cursor}


def _previewed(shown: ListPreview) -> dict[str, Any]:
    columns = [
        {"name": one.name, "becomes": one.target, "samples": [cells[n] for cells in shown.samples]}
        for n, one in enumerate(shown.columns)
    ]
    lines = [{"line": one.line, "message": one.message} for one in shown.bad_lines]
    return {name: value for name, value in shown._asdict().items() if name != "samples"} | {
        "columns": columns,
        "bad_lines": lines,
    }
