"""Files of a run's recipients: asked for from their list, followed while they are written, downloaded for a week."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from chalice.app import Response

from chalicelib.accounts.audit import note
from chalicelib.accounts.managers import Role
from chalicelib.admin.run_recipients import asked_of, chosen_run, run_recipients, wanted_of
from chalicelib.admin.templating import Go, Page, url, words
from chalicelib.admin.views import Visit, action, page
from chalicelib.campaigns.export_writer import COLUMNS, FileLabels
from chalicelib.campaigns.model import shown_spec
from chalicelib.clock import new_id
from chalicelib.errors import ConflictError, NotFoundError, Phrase
from chalicelib.services.run_exports import described_export
from chalicelib.settings import settings
from chalicelib.stage.app import stage
from chalicelib.storage.runs import Run


@page("/admin/campaigns/{id}/exports")
def run_exports(visit: Visit) -> Page:
    """Those of one run that are kept, with how far each has come; nothing of persons."""
    head = stage().campaigns.get(visit.path["id"])
    run = chosen_run(head.id, visit.query.get("run"))
    found = [described_export(one, run) for one in stage().run_exports.of(run)] if run else []
    here = url(f"/admin/campaigns/{head.id}/exports", run=run.run_id if run else None)
    shown = {"campaign": head, "name": shown_spec(head).name, "run": run, "exports": found, "here_url": here}
    return Page("run_exports", shown)


@action("/admin/campaigns/{id}/exports", role=Role.EDITOR, does="campaign.export", again=run_recipients)
def export_recipients(visit: Visit) -> Go:
    """Has those that were asked for written, with the words of the manager's language."""
    run = _run(visit, visit.typed("run"))
    wanted = wanted_of(asked_of({name: visit.typed(name) for name in visit.form}))
    labels = labels_of(words(visit.locale))
    made = stage().run_exports.begin(run, wanted, by=visit.manager.key, export_id=new_id(), labels=labels)
    note(things=[made.export_id])
    return _back(run)


@page("/admin/campaigns/{id}/exports/file", role=Role.EDITOR, shows="campaign.export_file")
def export_file(visit: Visit) -> Page | Response:
    """To the file, by an address that works for some minutes; without one asked for, the list."""
    if not visit.query.get("export"):
        return run_exports(visit)
    run = _run(visit, visit.query.get("run", ""))
    address = stage().run_exports.url(stage().run_exports.get(run, visit.query["export"]))
    if address is None:
        raise ConflictError(Phrase("the file is not ready"))
    headers = {"Location": address, "Cache-Control": "no-store"}
    return Response("", headers=headers, status_code=HTTPStatus.SEE_OTHER.value)


@action("/admin/campaigns/{id}/exports/delete", role=Role.EDITOR, does="campaign.export_delete", again=run_exports)
def delete_export(visit: Visit) -> Go:
    """Stops what is being written; removes a finished file."""
    run = _run(visit, visit.typed("run"))
    stage().run_exports.give_up(run, visit.typed("export"))
    return _back(run)


def labels_of(say: Mapping[str, Any]) -> FileLabels:
    """The words of a file in a manager's language."""
    return FileLabels(
        columns={name: say["exports"]["columns"][name] for name in COLUMNS},
        channels=say["channels"],
        statuses=say["states"],
        reasons=say["reasons"],
        zone=settings().default_timezone,
    )


def _run(visit: Visit, run_id: str) -> Run:
    run = chosen_run(visit.path["id"], run_id)
    if run is None:
        raise NotFoundError(Phrase("there is no run {id}", id=run_id))
    return run


def _back(run: Run) -> Go:
    return Go(f"/admin/campaigns/{run.campaign_id}/exports?run={run.run_id}")
