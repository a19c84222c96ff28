"""The recipients of a campaign's run, by what became of their letters."""

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.admin.templating import Page, url
from chalicelib.admin.views import Visit, page
from chalicelib.campaigns.description import SHOWN_RUNS
from chalicelib.campaigns.model import shown_spec
from chalicelib.campaigns.run_pass import Wanted
from chalicelib.errors import InvalidError, Phrase
from chalicelib.stage.app import stage
from chalicelib.states import Engagement
from chalicelib.storage.runs import Run
from chalicelib.text import one_line

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
_DID = (Engagement.OPENED, Engagement.CLICKED, Engagement.UNSUBSCRIBED)
_ASKED = ("state", "reason", "channel", "engagement")
_PAGE = 50


@page("/admin/campaigns/{id}/recipients", shows="campaign.recipients")
def run_recipients(visit: Visit) -> Page:
    """Those of one run, the newest unless another is asked for; or the letters to one person."""
    head = stage().campaigns.get(visit.path["id"])
    asked = asked_of(visit.query)
    runs = stage().runs.of(head.id, limit=SHOWN_RUNS)
    run = chosen_run(head.id, visit.query.get("run"), among=runs)
    words = one_line(visit.query.get("q", ""))
    found, following = _found(run, words, wanted_of(asked), visit.query.get("cursor")) if run else ([], None)
    here = f"/admin/campaigns/{head.id}/recipients"
    shown = {
        "campaign": head,
        "name": shown_spec(head).name,
        "run": run,
        "runs": runs,
        "asked": asked,
        "words": words,
        "states": STATES,
        "engagements": _DID,
        "reasons": sorted({asked["reason"], *(one["reason"] for one in found)} - {None}),
        "recipients": found,
        "following": url(here, run=run.run_id, **asked, cursor=following) if run and following else None,
    }
    return Page("run_recipients", shown)


def chosen_run(campaign_id: str, run_id: str | None, *, among: Sequence[Run] | None = None) -> Run | None:
    """The run that is named, or else the newest, if there is one; `among` its newest runs, where a page has read them.
    Raises: NotFoundError (permanent)."""
    if not run_id:
        return next(iter(stage().runs.of(campaign_id, limit=1) if among is None else among), None)
    known = next((one for one in among or () if one.run_id == run_id), None)
    return known or stage().run_recipients.run(campaign_id, run_id)


def asked_of(given: Mapping[str, str]) -> Mapping[str, str | None]:
    """Which of them, as a form says it."""
    return {name: given.get(name, "").strip() or None for name in _ASKED}


def _found(run: Run, words: str, wanted: Wanted, cursor: str | None) -> tuple[Sequence[Mapping[str, Any]], str | None]:
    if words:
        return stage().run_recipients.of_person(run, words, wanted), None
    return stage().run_recipients.page(run, wanted, limit=_PAGE, cursor=cursor)


def wanted_of(asked: Mapping[str, str | None]) -> Wanted:
    """The same as the API has it. Raises: InvalidError (permanent; names the field)."""
    state = asked["state"]
    if state is not None and state not in STATES:
        raise InvalidError.of("state", Phrase("expected one of {known}", known=", ".join(STATES)))
    did = asked["engagement"]
    if did is not None and did not in _DID:
        raise InvalidError.of("engagement", Phrase("expected one of {known}", known=", ".join(_DID)))
    return Wanted(STATES[state] if state else None, asked["reason"], asked["channel"], Engagement(did) if did else None)
