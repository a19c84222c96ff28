"""The recipients of a campaign's run, by what became of their letters."""

from collections.abc import Mapping, Sequence

from chalicelib.admin.templating import Page, url
from chalicelib.admin.views import Visit, page
from chalicelib.campaigns.description import SHOWN_RUNS
from chalicelib.campaigns.model import shown_spec
from chalicelib.errors import InvalidError, Phrase
from chalicelib.services.run_recipients import Wanted
from chalicelib.stage.app import stage
from chalicelib.storage.runs import Run

# As the campaign's page counts them: what the provider accepted is sent, whoever complains has received it.
STATES: Mapping[str, Sequence[str]] = {
    "queued": ("accepted", "scheduled", "processing"),
    "sent": ("sent", "delivered", "bounced", "complained"),
    "delivered": ("delivered", "complained"),
    "unsent": ("skipped", "failed"),
    "bounced": ("bounced",),
    "complained": ("complained",),
    "uncertain": ("uncertain",),
    "cancelled": ("cancelled",),
}
_ASKED = ("state", "reason", "channel")
_PAGE = 50


@page("/admin/campaigns/{id}/recipients", shows="campaign.recipients")
def run_recipients(visit: Visit) -> Page:
    """Those of one run, the newest unless another is asked for."""
    head = stage().campaigns.get(visit.path["id"])
    asked = {name: visit.query.get(name, "").strip() or None for name in _ASKED}
    runs = stage().runs.of(head.id, limit=SHOWN_RUNS)
    run = _run(head.id, visit.query.get("run"), runs)
    wanted, cursor = _wanted(asked), visit.query.get("cursor")
    found, following = stage().run_recipients.page(run, wanted, limit=_PAGE, cursor=cursor) if run else ([], None)
    here = f"/admin/campaigns/{head.id}/recipients"
    shown = {
        "campaign": head,
        "name": shown_spec(head).name,
        "run": run,
        "runs": runs,
        "asked": asked,
        "states": STATES,
        "reasons": sorted({asked["reason"], *(one["reason"] for one in found)} - {None}),
        "recipients": found,
        "following": url(here, run=run.run_id, **asked, cursor=following) if run and following else None,
    }
    return Page("run_recipients", shown)


def _run(campaign_id: str, run_id: str | None, runs: Sequence[Run]) -> Run | None:
    if run_id:
        return stage().run_recipients.run(campaign_id, run_id)
    return runs[0] if runs else None


def _wanted(asked: Mapping[str, str | None]) -> Wanted:
    state = asked["state"]
    if state is not None and state not in STATES:
        raise InvalidError.of("state", Phrase("expected one of {known}", known=", ".join(STATES)))
    return Wanted(STATES[state] if state else None, asked["reason"], asked["channel"])
