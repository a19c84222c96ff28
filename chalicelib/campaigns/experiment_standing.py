"""How the A/B test of a run stands, for the API and the managers' pages."""

from collections.abc import Mapping
from typing import Any

from chalicelib.campaigns.experiment import Criterion
from chalicelib.campaigns.experiment_decision import awaits_winner, decides_at
from chalicelib.campaigns.experiment_results import VariantResult, ranked, read_results
from chalicelib.campaigns.model import shown_spec, spec_of
from chalicelib.campaigns.progress import Progress
from chalicelib.campaigns.winner import tested_run
from chalicelib.clock import Clock, rfc3339
from chalicelib.composed import Composed
from chalicelib.errors import NotFoundError, Phrase
from chalicelib.schemas import kept
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.runs import Run, Runs
from chalicelib.storage.shards import Shards

_NUMBERS = ("sent", "delivered", "bounced", "opened", "clicked", "unsubscribed", "complained")
_CRITERIA: tuple[Criterion, ...] = ("opens", "clicks")


class ExperimentStanding(Composed):
    runs: Runs
    shards: Shards
    clock: Clock

    def of(self, head: CampaignHead, run_id: str | None = None) -> dict[str, Any]:
        """That of a run (`tested_run`), or of a campaign that has not run yet. Raises: NotFoundError (permanent:
        nothing is tested, or there is no such run), UnavailableError (retryable)."""
        run = tested_run(self.runs, head.id, run_id)
        experiment = (spec_of(run) if run else shown_spec(head)).experiment
        if experiment is None or (run_id and run is None):
            raise NotFoundError(Phrase("the campaign has no A/B test"))
        results = read_results(self.runs, run, at=self.clock()) if run else []
        by_name = {one.variant: one for one in results}
        decision: Mapping[str, Any] = (run.decision if run else None) or {}
        return {
            "run": run.run_id if run else None,
            "experiment": kept(experiment),
            "waits": awaits_winner(run) if run else False,
            "waits_for_a_person": awaits_winner(run, by_hand=True) if run else False,
            "decides_at": self._decides_at(run),
            "variants": [
                _told(name, one.name, by_name.get(name) or VariantResult(name, Progress()))
                for name, one in zip(experiment.names, experiment.variants, strict=True)
            ],
            "comparison": {by: _compared(results, by) for by in _CRITERIA} if results else None,
            "winner": decision.get("winner"),
            "decided_at": decision.get("at"),
            "decided_by": decision.get("by"),
            "sure": decision.get("sure", False) if decision else None,
            "rest_at": decision.get("rest_at"),
        }

    def _decides_at(self, run: Run | None) -> str | None:
        """When the numbers decide, as far as that is known."""
        experiment = spec_of(run).experiment if run and awaits_winner(run) else None
        if run is None or experiment is None or experiment.winner_by == "hand":
            return None
        at = decides_at(run, experiment, self.shards.of(run.run_id))
        return rfc3339(at) if at else None


def _told(name: str, title: str | None, result: VariantResult) -> dict[str, Any]:
    rates = {f"{by}_rate": result.share(by).rate for by in _CRITERIA}
    numbers = {word: getattr(result.progress, word) for word in _NUMBERS}
    return {"variant": name, "name": title, **numbers, "reached": result.reached, **rates}


def _compared(results: list[VariantResult], by: Criterion) -> dict[str, Any]:
    found = ranked(results, by)
    return {"best": found.best, "next": found.next, "points": found.points, "p": found.p, "verdict": found.word}
