"""Runs: opened for each scheduled time, kept going, and closed once all is settled. Every step can be repeated."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from chalicelib.campaigns.experiment_decision import ExperimentDecisions
from chalicelib.campaigns.jobs import FanoutJob
from chalicelib.campaigns.progress import Progress, progress_of, sampled
from chalicelib.campaigns.run_planner import RunPlanner
from chalicelib.campaigns.run_results import FIRST_RECOUNT, RunResults
from chalicelib.campaigns.sendings import sent_run
from chalicelib.clock import Clock, rfc3339
from chalicelib.composed import Composed
from chalicelib.errors import ConflictError, Phrase
from chalicelib.flow.queues import JobQueue, Outgoing
from chalicelib.isolation import each
from chalicelib.manifest import Queue
from chalicelib.observability import log_failure
from chalicelib.schemas import passed
from chalicelib.states import HELD, CampaignState, RunOutcome
from chalicelib.storage.audience_counts import note_audience_count
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.held_chunks import HeldChunks
from chalicelib.storage.hourly_stats import HourlyStats
from chalicelib.storage.run_progress import read_counts
from chalicelib.storage.runs import PlannedRun, Run, Runs
from chalicelib.storage.sent_runs import note_sent_run
from chalicelib.storage.shards import PARKED_PLACES, Shard, Shards, parked_shard

STALLED = timedelta(minutes=3)  # a shard this late has lost its message


class RunDriver(Composed):
    """Every method raises: UnavailableError (retryable)."""

    planner: RunPlanner
    runs: Runs
    shards: Shards
    held: HeldChunks
    queues: JobQueue
    hours: HourlyStats
    results: RunResults
    decisions: ExperimentDecisions
    clock: Clock

    def open(
        self,
        head: CampaignHead,
        scheduled: datetime,
        *,
        resend_of: Run | None = None,
        reasons: Sequence[str] | None = None,
    ) -> bool:
        """Opens the run of this time; returns whether it is new. Idempotent. Raises: ConflictError (permanent: the
        campaign has changed since `head`)."""
        drawn = self.planner.draw_up(head, scheduled, resend_of=resend_of, reasons=reasons)
        new = self.runs.add(head, drawn)
        run = drawn if new else self.runs.get(drawn.campaign_id, drawn.scheduled_at)
        if run is None:
            raise ConflictError(Phrase("the campaign was changed as its run was opened; read it again"))
        if run.opened:
            self._keep_going(head, run)
        return new

    def kick_all(self, head: CampaignHead) -> None:
        """Puts the open runs of a campaign back to work."""
        for run in self.runs.of(head.id):
            if run.opened:
                self._keep_going(head, run)
                self.wake_held(run, all_of_it=head.state == CampaignState.CANCELLED)

    def wake_held(self, run: Run, *, all_of_it: bool = False) -> bool:
        """Sends off held chunks whose time has come; `all_of_it`: of a cancelled run. Returns whether there are any."""
        any_due = False
        for n in range(PARKED_PLACES):
            due = self.held.due(
                run.run_id,
                n,
                now=self.clock(),
                rest_released=run.releases_rest(self.clock()),
                cancelled=all_of_it,
                limit=1,
            )
            any_due = any_due or bool(due)
            woken = self.shards.wake(run.run_id, parked_shard(n)) if due else None
            if woken is not None:
                self._kick(run, [woken])
        return any_due

    def look_after(self, head: CampaignHead, run: Run) -> bool:
        """What `tick` does for an open run; whether it has ended and is closed now."""
        head, shards = self._completed(head, run)
        if head.state not in HELD:
            stalled = (self.clock() - STALLED).timestamp()
            self._kick(run, (one for one in shards if one.resume_at < stalled))
            if not self.wake_held(run, all_of_it=head.state == CampaignState.CANCELLED):
                run = self._decided(head, run, shards)
        [counts] = read_counts([PlannedRun.of(run)])
        progress = progress_of(counts.words, targeted=counts.targeted)
        self._note(run, progress, counts.words)
        self.results.note(head, run, counts)
        planned = all(one.done for one in shards if one.is_of_audience)
        # What has become of letters that the last release enlisted is counted nowhere.
        settled = progress.settled >= progress.targeted or (run.homes is None and not self._holds_any(run))
        if not planned or not settled or self.decisions.is_awaited(head, run):
            return False
        self.runs.note_finished(head, run, targeted=progress.targeted)
        outcome = RunOutcome.CANCELLED if head.state == CampaignState.CANCELLED else RunOutcome.COMPLETED
        if outcome is RunOutcome.COMPLETED and run.resend_of is None and run.version == head.version:
            note_audience_count(head, progress.targeted // max(1, len(run.channels)))
        gathered = all(one.exhausted for one in shards if one.is_of_audience)
        at, targeted = rfc3339(self.clock()), progress.targeted
        self._tell_calendar(head, run, progress, cancelled=outcome is RunOutcome.CANCELLED)
        recount_at = rfc3339(self.clock() + FIRST_RECOUNT)
        return self.runs.close(run, outcome=outcome, at=at, targeted=targeted, gathered=gathered, recount_at=recount_at)

    def _decided(self, head: CampaignHead, run: Run, shards: Sequence[Shard]) -> Run:
        """The run, with the winner of its experiment if the time has come; the rest goes on then."""
        decided = self.decisions.when_due(head, run, shards)
        if decided is not run:
            self.wake_held(decided)
        return decided

    def _tell_calendar(self, head: CampaignHead, run: Run, progress: Progress, *, cancelled: bool) -> None:
        """Before the run is closed, so that a crash in between tells it again; a damaged run ends without."""
        lines = each(lambda one: sent_run(head, one, progress, cancelled=cancelled), [run], alone=_unreadable)
        for line in lines:
            note_sent_run(line)

    def _holds_any(self, run: Run) -> bool:
        """Whether chunks of it wait, for whatever."""
        found = (
            self.held.due(run.run_id, n, now=self.clock(), rest_released=True, cancelled=True, limit=1)
            for n in range(PARKED_PLACES)
        )
        return any(found)

    def _keep_going(self, head: CampaignHead, run: Run) -> None:
        """Completes whatever a crash left out of an opening, and puts a message for each unfinished shard. One that
        already has a message still advances only once."""
        self._kick(run, self._completed(head, run)[1])

    def _kick(self, run: Run, shards: Iterable[Shard]) -> None:
        jobs = [
            FanoutJob(campaign_id=run.campaign_id, scheduled_at=run.scheduled_at, shard=one.shard, step=one.step)
            for one in shards
            if not one.done
        ]
        self.queues.put(Queue.FANOUT, [Outgoing(passed(job)) for job in jobs])

    def _completed(self, head: CampaignHead, run: Run) -> tuple[CampaignHead, list[Shard]]:
        """The campaign and all shards of its run, completing an opening that died in between."""
        shards = self.shards.of(run.run_id)
        if len(shards) == run.shards + PARKED_PLACES and run.scheduled_at in head.open_runs:
            return head, shards
        self.shards.add(run.run_id, audience=run.shards)
        return self.runs.note_open(head, run), self.shards.of(run.run_id)

    def _note(self, run: Run, progress: Progress, counted: Mapping[str, int]) -> None:
        """Stores its progress, and adds what is new to the hourly statistics."""
        counts = {"sent": progress.sent, "failed": progress.failed, "skipped": sum(progress.skipped.values())}
        if self.runs.note(run, sampled(run.samples, rfc3339(self.clock()), progress), counts, counted):
            self.hours.add({word: max(0, n - run.in_hours.get(word, 0)) for word, n in counts.items()})


def _unreadable(run: Run, error: Exception) -> None:
    log_failure("calendar", error, run=run.run_id)
