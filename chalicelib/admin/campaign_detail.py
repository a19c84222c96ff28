"""A campaign's own page: how far a run of it has come, what came of it, and what waits for a decision."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from chalicelib.admin.audience_words import audience_words
from chalicelib.admin.charts import Axis, Curve, curves
from chalicelib.admin.first_part_advice import first_part_advice
from chalicelib.admin.templating import Page, url
from chalicelib.admin.views import Visit, page
from chalicelib.campaigns.description import describe_campaign
from chalicelib.campaigns.model import ASKED, shown_spec
from chalicelib.campaigns.progress import SAMPLED
from chalicelib.clock import now, parse_rfc3339, rfc3339
from chalicelib.errors import NotFoundError, Phrase
from chalicelib.settings import settings
from chalicelib.stage.app import stage
from chalicelib.states import CampaignState

_SHORTEST = timedelta(minutes=5)  # of a course that is drawn


@page("/admin/campaigns/{id}")
def campaign_detail(visit: Visit) -> Page:
    """How far a run of it has come, and what waits for a decision."""
    head = stage().campaigns.get(visit.path["id"])
    asked = visit.query.get("run")
    campaign = describe_campaign(head, runs=stage().runs, preview=stage().campaign_preview, one_run=True, run_id=asked)
    run = _run(campaign, asked)
    shown_run = {**campaign, **(run or {}), "id": head.id, "state": head.state}
    progress = shown_run["progress"]
    shown = {
        "campaign": campaign,
        "run": run,
        "shown": shown_run,
        "live_url": url(f"/admin/campaigns/{head.id}", run=asked),
        "advice": first_part_advice(progress),
        "opens_measured": bool(settings().tracking_domain),
        "facts": {name: campaign[name] for name, how in ASKED.items() if how.on_page and campaign[name]},
        "audience_said": audience_words(shown_spec(head).audience, locale=visit.locale),
        "going": bool(head.open_runs) or head.state in (CampaignState.RUNNING, CampaignState.SCHEDULED),
        "unsent": {**progress["skipped"], **progress["failed_reasons"]},
        "services": {head.created_by: head.service} if head.service else {},  # a key's id says nothing to people
        "chart": _chart(run),
        "mine": visit.manager.key in (head.created_by, head.updated_by),
    }
    return Page("campaign", shown)


def _run(campaign: Mapping[str, Any], asked: str | None) -> Mapping[str, Any] | None:
    """The run that is asked for, or else the newest. Raises: NotFoundError (permanent)."""
    found = [run for run in campaign["runs"] if asked in (None, run["id"])]
    if asked and not found:
        raise NotFoundError(Phrase("there is no such run of this campaign"))
    return found[0] if found else None


def _chart(run: Mapping[str, Any] | None) -> tuple[Sequence[Curve], Axis] | None:
    """A run's course; None while there is no line that would tell anything."""
    if run is None:
        return None
    samples = [[run["created_at"], 0, 0, 0, 0], *run["samples"]]
    if run["outcome"] is None:
        samples.append([rfc3339(now()), *(run["progress"][word] for word in SAMPLED)])
    lasted = parse_rfc3339(samples[-1][0]) - parse_rfc3339(samples[0][0])
    if lasted < _SHORTEST or not any(samples[-1][1:]):
        return None
    return curves(samples, SAMPLED, zone=settings().default_timezone)
