"""A campaign as people see it: its content, its state and its runs' results, for the API and the managers' pages."""

from collections.abc import Sequence
from typing import Any

from chalicelib.campaigns.model import Campaign, shown_spec
from chalicelib.campaigns.preview import AudiencePreview
from chalicelib.campaigns.progress import Progress
from chalicelib.campaigns.run_standing import RunStanding, noted_standing, standing_of
from chalicelib.campaigns.variant_letters import winner_of
from chalicelib.clock import rfc3339
from chalicelib.states import OVER
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.run_progress import read_counts
from chalicelib.storage.runs import PlannedRun, Run, Runs

SHOWN_RUNS = 10


def describe_campaign(
    head: CampaignHead, *, runs: Runs, preview: AudiencePreview, one_run: bool = False, run_id: str | None = None
) -> dict[str, Any]:
    """`progress` is that of its newest runs together; `runs` shows each. With `one_run` only that run (default: the
    newest) is counted now, the others as they were counted last. Raises: UnavailableError (retryable)."""
    shown = runs.of(head.id, limit=SHOWN_RUNS)
    planned = [PlannedRun.of(run) for run in shown]
    counts = read_counts(planned, noted=one_run, fresh=[run_id or run.run_id for run in shown[:1]])
    standings = [standing_of(head, run, found) for run, found in zip(shown, counts, strict=True)]
    spec = shown_spec(head)
    return {
        **spec.model_dump(mode="json", by_alias=True, exclude_none=False),
        "id": head.id,
        "version": head.version,
        "created_at": head.created_at,
        "created_by": head.created_by,
        "updated_at": head.updated_at,
        "updated_by": head.updated_by,
        "approved_by": head.approved_by,
        "tags": list(head.tags),
        "archived_at": head.archived_at,
        "copied_from": head.copied_from,
        "next_runs": [rfc3339(moment) for moment in preview.next_runs(head, spec)],
        **_together(head, spec, standings),
        "runs": [
            _run(run, standing, _eta(head, spec, [standing])) for run, standing in zip(shown, standings, strict=True)
        ],
        "timeline": head.events(),
    }


def describe_in_short(heads: Sequence[CampaignHead]) -> list[dict[str, Any]]:
    """Each one's state with the progress of its newest run as it was counted last, for a list (`read_counts`). Raises:
    UnavailableError (retryable)."""
    newest = {head.id: planned for head in heads if (planned := PlannedRun.newest(head)) is not None}
    counts = dict(zip(newest, read_counts(list(newest.values()), noted=True), strict=True))
    return [
        {
            "id": head.id,
            "name": spec.name,
            **_together(
                head, spec, [noted_standing(head, newest[head.id], counts[head.id])] if head.id in newest else []
            ),
        }
        for head, spec in ((head, shown_spec(head)) for head in heads)
    ]


def _together(head: CampaignHead, spec: Campaign, standings: Sequence[RunStanding]) -> dict[str, Any]:
    expected = [one.expected for one in standings]
    return {
        "state": head.state,
        "next_run_at": head.next_run_at,
        "waits_for": next((one.waits_for for one in standings if one.waits_for), None),
        "progress": vars(sum((one.progress for one in standings), Progress())),
        "gathered": all(one.gathered for one in standings),
        "expected": None if None in expected else sum(one or 0 for one in expected),
        "held": sum(one.held for one in standings),
        "eta_seconds": _eta(head, spec, standings),
    }


def _eta(head: CampaignHead, spec: Campaign, standings: Sequence[RunStanding]) -> int:
    rate = head.rate_per_second or spec.rate_per_second
    return round(sum(one.left for one in standings if one.is_open) / rate) if head.state not in OVER else 0


def _run(run: Run, standing: RunStanding, eta_seconds: int) -> dict[str, Any]:
    return {
        "id": run.run_id,
        "scheduled_at": run.scheduled_at,
        "created_at": run.created_at,
        "finished_at": run.finished_at,
        "outcome": run.outcome,
        "version": run.version,
        "template_version": run.letter["template_version"],
        "canary_released_at": run.canary_released_at,
        "resend_of": run.resend_of,
        "winner": winner_of(run),
        "reasons": run.reasons,
        "samples": run.samples,
        "waits_for": standing.waits_for,
        "gathered": standing.gathered,
        "expected": standing.expected,
        "first": standing.first,
        "held": standing.held,
        "progress": vars(standing.progress),
        "eta_seconds": eta_seconds,
    }
