"""Which variant of an experiment the rest of a run gets: decided once for each run, by its numbers when the time has
come, or by a manager at any time before (ADR 0110).

The time counts from when the last letter of the test has left the fan-out: a pause, a slow pace or a late variant moves
it. So nothing about it is stored before the decision itself, which is one conditional write.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from chalicelib.campaigns.approval import SERVICE
from chalicelib.campaigns.experiment import Criterion, Experiment, WinnerDecision
from chalicelib.campaigns.experiment_results import VariantResult, ranked, read_results
from chalicelib.campaigns.model import spec_of
from chalicelib.campaigns.proportions import Certainty
from chalicelib.clock import Clock, rfc3339
from chalicelib.composed import Composed
from chalicelib.errors import ConflictError, NotFoundError, Phrase
from chalicelib.schemas import kept
from chalicelib.states import CampaignNews, CampaignState
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.campaigns import Campaigns
from chalicelib.storage.runs import Run, Runs
from chalicelib.storage.shards import Shard
from chalicelib.wall_clock import wall_moment, zone_of

_OPEN = (CampaignState.SCHEDULED, CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.AWAITING_APPROVAL)


class ExperimentDecisions(Composed):
    """Every method raises: UnavailableError (retryable)."""

    campaigns: Campaigns
    runs: Runs
    clock: Clock
    default_zone: str

    def when_due(self, head: CampaignHead, run: Run, shards: Sequence[Shard]) -> Run:
        """What `tick` does for an open run that is not held: the run, decided if its time has come."""
        experiment = _experiment_of(run)
        if experiment is None or run.decision or head.state == CampaignState.CANCELLED:
            return run
        at = decides_at(run, experiment, shards)
        if experiment.winner_by == "hand" or at is None or at > self.clock():
            read_results(self.runs, run, at=self.clock(), fresh=True)
            return run
        return self._take(head, run, experiment, None, by=SERVICE) or run

    def is_awaited(self, head: CampaignHead, run: Run) -> bool:
        """Whether a run has to stay open for its decision."""
        return awaits_winner(run) and head.state != CampaignState.CANCELLED

    def choose(self, head: CampaignHead, run: Run, winner: str, *, by: str) -> Run:
        """A manager's choice, which may come before the time; repeated, it changes nothing. Raises: ConflictError
        (permanent): another was chosen, or the run is over; NotFoundError (permanent): there is no such variant."""
        experiment = _experiment_of(run)
        if experiment is None or winner not in experiment.names:
            raise NotFoundError(Phrase("the campaign has no variant {name}", name=winner))
        taken = self._take(head, run, experiment, winner, by=by) or self.runs.get(run.campaign_id, run.scheduled_at)
        if taken is None or taken.decision is None:
            raise ConflictError(Phrase("the run is over: there is nobody left to get a winner"))
        if taken.decision["winner"] != winner:
            raise ConflictError(Phrase("variant {name} has been chosen already", name=taken.decision["winner"]))
        return taken

    def _take(self, head: CampaignHead, run: Run, experiment: Experiment, chosen: str | None, *, by: str) -> Run | None:
        at = self.clock()
        results = read_results(self.runs, run, at=at, fresh=True)
        judged_by = criterion_of(experiment)
        found = ranked(results, judged_by)
        winner = chosen or found.best
        decision = WinnerDecision(
            winner=winner,
            at=rfc3339(at),
            by=by,
            rest_at=rfc3339(self._rest_at(run, experiment, winner, at)),
            judged_by=judged_by,
            sure=found.word is Certainty.SURE and found.best == winner,
            reached={one.variant: one.reached for one in results},
            acted={one.variant: one.acted(judged_by) for one in results},
        )
        decided = self.runs.decide(run, kept(decision))
        if decided is not None:
            with suppress(ConflictError):  # it was cancelled just now: nobody gets the rest
                note = chosen or _noted(results, judged_by)
                self.campaigns.enter(head, None, only_from=_OPEN, by=by, event=CampaignNews.WINNER, note=note)
        return decided

    def _rest_at(self, run: Run, experiment: Experiment, winner: str, at: datetime) -> datetime:
        """At once; if times of sending were tried, when the clock shows the winner's time again."""
        moment = experiment.moment(winner, datetime.fromisoformat(run.scheduled_at))
        if not experiment.tries_times or moment >= at:
            return max(moment, at) if experiment.tries_times else at
        zone = spec_of(run).timezone or self.default_zone
        wall = moment.astimezone(zone_of(zone)).replace(tzinfo=None)
        days = (at - moment).days
        later = (wall_moment(wall + timedelta(days=days + n), zone) for n in range(3))
        return next(one for one in later if one >= at)


def decides_at(run: Run, experiment: Experiment, shards: Sequence[Shard]) -> datetime | None:
    """When the numbers decide; None: some of the test has not gone out yet."""
    if not shards or not all(one.done for one in shards):
        return None
    out = datetime.fromtimestamp(max(one.resume_at for one in shards), tz=UTC)
    last = datetime.fromisoformat(run.scheduled_at) + experiment.last_after
    return max(out, last) + timedelta(hours=experiment.decide_after_hours)


def awaits_winner(run: Run, *, by_hand: bool = False) -> bool:
    """Whether an open run's rest waits for a winner; `by_hand`: whether it waits for a person to choose it."""
    experiment = _experiment_of(run)
    waits = experiment is not None and run.opened and run.decision is None
    return waits and (not by_hand or (experiment is not None and experiment.winner_by == "hand"))


def _experiment_of(run: Run) -> Experiment | None:
    return spec_of(run).experiment if run.variants and not run.resend_of else None


def criterion_of(experiment: Experiment) -> Criterion:
    """What its variants are compared by; where a person chooses, by clicks, which are measured everywhere."""
    return "opens" if experiment.winner_by == "opens" else "clicks"


def _noted(results: Sequence[VariantResult], judged_by: Criterion) -> Phrase:
    found = ranked(results, judged_by)
    rates = ", ".join(f"{one.variant} {100 * one.share(judged_by).rate:.1f} %" for one in results)
    if found.word is Certainty.SURE:
        return Phrase("{winner} ({rates}): a difference like this is hardly chance", winner=found.best, rates=rates)
    if found.word is Certainty.CHANCE:
        return Phrase("{winner} is ahead ({rates}), which could be chance", winner=found.best, rates=rates)
    return Phrase("{winner} ({rates}): the numbers do not tell one from the other", winner=found.best, rates=rates)
