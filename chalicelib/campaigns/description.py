"""A campaign as people see it: its content, its state and its runs' results, for the API and the managers' pages."""

from collections.abc import Sequence
from typing import Any

from chalicelib.campaigns.model import ASKED, Campaign, shown_spec
from chalicelib.campaigns.preview import AudiencePreview
from chalicelib.campaigns.progress import Progress, read_progresses
from chalicelib.clock import rfc3339
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.runs import PlannedRun, Run, Runs

SHOWN_RUNS = 10


def describe_campaign(
    head: CampaignHead, *, runs: Runs, preview: AudiencePreview, shown_runs: int = SHOWN_RUNS
) -> dict[str, Any]:
    """`progress` is that of its newest runs together; `runs` shows each. Raises: UnavailableError (retryable)."""
    shown = runs.of(head.id, limit=shown_runs)
    progresses = read_progresses([PlannedRun.of(run) for run in shown])
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
        "next_runs": [rfc3339(moment) for moment in preview.next_runs(head, spec)],
        **_standing(head, spec, sum(progresses, Progress())),
        "runs": [_run(run, progress) for run, progress in zip(shown, progresses, strict=True)],
        "timeline": head.events(),
    }


def describe_in_short(heads: Sequence[CampaignHead]) -> list[dict[str, Any]]:
    """Each one's state with the progress of its newest run as it was counted last, for a list (`read_counts`). Raises:
    UnavailableError (retryable)."""
    newest = {head.id: planned for head in heads if (planned := PlannedRun.newest(head)) is not None}
    progresses = dict(zip(newest, read_progresses(list(newest.values()), noted=True), strict=True))
    return [
        {
            "id": head.id,
            "name": spec.name,
            "details": {name: value for name, how in ASKED.items() if how.in_list and (value := getattr(spec, name))},
            **_standing(head, spec, progresses.get(head.id, Progress())),
        }
        for head, spec in ((head, shown_spec(head)) for head in heads)
    ]


def _standing(head: CampaignHead, spec: Campaign, progress: Progress) -> dict[str, Any]:
    rate = head.rate_per_second or spec.rate_per_second
    return {
        "state": head.state,
        "next_run_at": head.next_run_at,
        "progress": vars(progress),
        "eta_seconds": round(progress.queued / rate) if head.open_runs else 0,
    }


def _run(run: Run, progress: Progress) -> dict[str, Any]:
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
        "reasons": run.reasons,
        "samples": run.samples,
        "progress": vars(progress),
    }
