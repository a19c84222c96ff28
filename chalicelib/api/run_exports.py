"""`/v1/campaigns/{id}/runs/{run}/exports`: a run's recipients as a CSV file, written in the background."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from chalicelib.accounts.api_keys import Scope
from chalicelib.accounts.audit import note
from chalicelib.api.answers import IN_PLACE, ApiAnswer, ShownStatus
from chalicelib.api.checked_call import Call
from chalicelib.api.endpoint import endpoint
from chalicelib.api.notifications import reads
from chalicelib.api.run_recipients import ByPeople
from chalicelib.campaigns.run_pass import Wanted
from chalicelib.etags import tag_of
from chalicelib.schemas import StrictModel
from chalicelib.services.run_exports import MOST_AT_A_TIME, described_export
from chalicelib.stage.app import stage
from chalicelib.states import ExportState
from chalicelib.storage.runs import Run

_PATH = "/v1/campaigns/{id}/runs/{run}/exports"


class RunExportBody(StrictModel):
    """Which recipients; all of them by default."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "failed"}]})

    status: ShownStatus | None = None
    reason: Annotated[str | None, Field(min_length=1, max_length=256)] = None
    channel: Annotated[str | None, Field(max_length=64, description="one of the run's; default: all")] = None
    engagement: Annotated[ByPeople | None, Field(description="only those who did that")] = None


class RunExportAnswer(ApiAnswer):
    """A file of recipients, and how far it has come."""

    id: str
    state: Annotated[ExportState, IN_PLACE] = Field(description="`assembling`: every row is written")
    rows: int = Field(description="that are written")
    about: int | None = Field(description="how many it will have in the end; null at the very beginning")
    percent: int = Field(description="of the run that was looked through")
    size_bytes: int
    created_at: str
    created_by: str
    finished_at: str | None
    expires_at: str
    asked: dict[str, Any] = Field(description="which recipients it has; empty: all")
    url: str | None = Field(description="where to download it, once it is `ready`")
    url_expires_in_seconds: int | None


class RunExportsAnswer(ApiAnswer):
    """The files of a run that are kept, newest first; each gets its `url` when it is read by itself."""

    exports: list[RunExportAnswer]
    cursor: str | None = Field(description="always null: a run has few")


def _tag(shown: Mapping[str, Any]) -> str:
    return tag_of({name: shown[name] for name in ("state", "rows")})


def _run(call: Call[Any, Any]) -> Run:
    return stage().run_recipients.run(call.path["id"], call.path["run"], sight=call.sight)


@reads(
    "POST",
    _PATH,
    summary="Export a run's recipients as CSV",
    answer=RunExportAnswer,
    status=HTTPStatus.ACCEPTED,
    problems={HTTPStatus.CONFLICT: f"{MOST_AT_A_TIME} files of the run are being written"},
)
def create_run_export(call: Call[RunExportBody, None]) -> dict[str, Any]:
    """Written in the background; follow it with GET. UTF-8 with a byte order mark, RFC 4180, one row for each recipient
    and channel: `user_id`, `email`, `phone`, `name`, `channel`, `status`, `reason`, `opened_at`, `clicked_at`,
    `unsubscribed_at`, `notification_id`; names and addresses of users are those of the directory now. A cell that a
    spreadsheet would compute begins with an apostrophe. The file is kept for a week."""
    run, asked = _run(call), call.body
    wanted = Wanted((asked.status,) if asked.status else None, asked.reason, asked.channel, asked.engagement)
    made = stage().run_exports.begin(run, wanted, by=call.caller.key_id, export_id=call.own_id("export"))
    note(things=[made.export_id])
    return described_export(made, run)


@reads("GET", _PATH, summary="The exports of a run", answer=RunExportsAnswer)
def list_run_exports(call: Call[None, None]) -> dict[str, Any]:
    """Those of the last seven days."""
    run = _run(call)
    return {"exports": [described_export(one, run) for one in stage().run_exports.of(run)], "cursor": None}


@reads("GET", _PATH + "/{export}", summary="One export", answer=RunExportAnswer, tag=_tag)
def get_run_export(call: Call[None, None]) -> dict[str, Any]:
    """How far it has come; once it is `ready`, with an address that works for five minutes."""
    run = _run(call)
    found = stage().run_exports.get(run, call.path["export"])
    return described_export(found, run, url=stage().run_exports.url(found))


@endpoint(
    "DELETE",
    _PATH + "/{export}",
    summary="Cancel or delete an export",
    scope=Scope.CAMPAIGNS_WRITE,
    of_all=Scope.CAMPAIGNS_WRITE_ALL,
    problems={HTTPStatus.CONFLICT: "it is being written on"},
    if_match=True,
)
def delete_run_export(call: Call[None, None]) -> None:
    """What is being written stops; a finished file is removed. May be repeated safely."""
    stage().run_exports.give_up(_run(call), call.path["export"], seen=call.seen)
