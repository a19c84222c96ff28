"""Runs: drawn up from the campaign, its template and the routes as they are then; opened for each scheduled time, kept
going, and closed once everything is settled. Every step can be repeated."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from chalicelib.attachments import refs_of
from chalicelib.campaigns.approval import frozen_of
from chalicelib.campaigns.campaign_files import CampaignFiles
from chalicelib.campaigns.jobs import FanoutJob
from chalicelib.campaigns.languages import languages_of
from chalicelib.campaigns.letter_inputs import LetterInputs, frozen_by
from chalicelib.campaigns.model import Campaign, spec_of
from chalicelib.campaigns.pacing import shard_count
from chalicelib.campaigns.progress import Progress, progress_of, sampled
from chalicelib.campaigns.recipient_sources import Sources
from chalicelib.clock import Clock, derived_id, rfc3339
from chalicelib.composed import Composed
from chalicelib.deliveries import run_id, time_name
from chalicelib.errors import ConflictError, Phrase
from chalicelib.flow.queues import JobQueue, Outgoing
from chalicelib.manifest import Queue
from chalicelib.pipeline.jobs import LetterSpec
from chalicelib.pipeline.letter_plan import Plan
from chalicelib.rendering.template_store import Edition
from chalicelib.schemas import kept, passed
from chalicelib.states import HELD, CampaignState, RunOutcome
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.chunk_letters import RUN_HOMES
from chalicelib.storage.held_chunks import HeldChunks
from chalicelib.storage.hourly_stats import HourlyStats
from chalicelib.storage.run_progress import read_counts
from chalicelib.storage.runs import PlannedRun, Run, Runs
from chalicelib.storage.shards import PARKED_PLACES, Shard, Shards, parked_shard

STALLED = timedelta(minutes=3)  # a shard this late has lost its message


class RunPlanner:
    """Writes nothing but the edition of the template that a run names; and keeps its files as long again."""

    def __init__(self, *, inputs: LetterInputs, files: CampaignFiles, sources: Sources, clock: Clock) -> None:
        self._inputs = inputs
        self._files = files
        self._sources = sources
        self._clock = clock

    def draw_up(
        self, head: CampaignHead, scheduled: datetime, *, resend_of: Run | None, reasons: Sequence[str] | None
    ) -> Run:
        """A campaign's run at a time, not stored yet: with the approved versions, or the newest; a resend sends what
        its run would have sent. Raises: UnavailableError (retryable)."""
        spec = spec_of(resend_of or head)
        frozen = frozen_by(resend_of) if resend_of else frozen_of(head)
        edition = self._inputs.edition(spec, frozen)
        self._inputs.write_down(edition)
        self._files.renew(spec.attachments)
        category = spec.category or edition.template.category
        plan = self._inputs.plan(spec, edition.template, frozen, fresh=True)
        shards = self._shard_count(spec, head, resend=resend_of is not None)
        letter = self._letter(head, scheduled, spec, edition, category, plan, resend=resend_of is not None)
        letter = letter.model_copy(update={"homes": min(shards, RUN_HOMES)})
        return Run(
            head.id,
            time_name(scheduled),
            opened=True,
            run_id=letter.run_id or "",
            version=(resend_of or head).version,
            spec=kept(spec),
            letter=kept(letter),
            channels=list(plan.channels),
            shards=shards,
            created_at=letter.accepted_at,
            resend_of=resend_of.run_id if resend_of else None,
            reasons=list(reasons) if reasons is not None else None,
            homes=letter.homes,
        )

    def _letter(
        self,
        head: CampaignHead,
        scheduled: datetime,
        spec: Campaign,
        edition: Edition,
        category: str,
        plan: Plan,
        *,
        resend: bool,
    ) -> LetterSpec:
        name = run_id(head.id, time_name(scheduled))
        return LetterSpec(
            template=edition.template.key,
            template_version=edition.template.version,
            layout=edition.layout,
            category=category,
            lane="bulk",
            context=spec.context,
            attachments=refs_of(spec.attachments),
            content=spec.content.model_dump(mode="json") if spec.content else None,
            request_id=derived_id("run", name),
            accepted_at=rfc3339(self._clock()),
            campaign_id=head.id,
            run_id=name,
            route=plan.route,
            locale=spec.locale,
            languages=languages_of(spec, edition.template),
            expires_at=_expiry(spec, scheduled),
            service=head.service,
            of_directory=not resend and self._sources.are_of_directory(spec),
        )

    def _shard_count(self, spec: Campaign, head: CampaignHead, *, resend: bool) -> int:
        # An exact share of an audience is taken by one counter; what was not sent is little.
        if spec.canary_percent or resend:
            return 1
        return shard_count(head.rate_per_second or spec.rate_per_second, users=self._sources.size(spec))


def _expiry(spec: Campaign, scheduled: datetime) -> str | None:
    hours = spec.expires_after_hours
    return rfc3339(scheduled + timedelta(hours=hours)) if hours is not None else None


class RunDriver(Composed):
    """Every method raises: UnavailableError (retryable)."""

    planner: RunPlanner
    runs: Runs
    shards: Shards
    held: HeldChunks
    queues: JobQueue
    hours: HourlyStats
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

    def wake_held(self, run: Run, *, all_of_it: bool = False) -> None:
        """Sends off held chunks whose time has come; `all_of_it`: of a cancelled run."""
        for n in range(PARKED_PLACES):
            due = self.held.due(
                run.run_id,
                n,
                now=self.clock(),
                canary_released=run.canary_released_at is not None,
                cancelled=all_of_it,
                limit=1,
            )
            woken = self.shards.wake(run.run_id, parked_shard(n)) if due else None
            if woken is not None:
                self._kick(run, [woken])

    def look_after(self, head: CampaignHead, run: Run) -> bool:
        """What `tick` does for an open run; whether it has ended and is closed now."""
        head, shards = self._completed(head, run)
        if head.state not in HELD:
            stalled = (self.clock() - STALLED).timestamp()
            self._kick(run, (one for one in shards if one.resume_at < stalled))
            self.wake_held(run, all_of_it=head.state == CampaignState.CANCELLED)
        [counts] = read_counts([PlannedRun.of(run)])
        progress = progress_of(counts.words, targeted=counts.targeted)
        self._note(run, progress, counts.words)
        planned = all(one.done for one in shards if one.is_of_audience)
        # What has become of letters that the last release enlisted is counted nowhere.
        settled = progress.settled >= progress.targeted or (run.homes is None and not self._holds_any(run))
        if not planned or not settled:
            return False
        self.runs.note_finished(head, run, targeted=progress.targeted)
        outcome = RunOutcome.CANCELLED if head.state == CampaignState.CANCELLED else RunOutcome.COMPLETED
        return self.runs.close(run, outcome=outcome, at=rfc3339(self.clock()), targeted=progress.targeted)

    def _holds_any(self, run: Run) -> bool:
        """Whether chunks of it wait, for whatever."""
        found = (
            self.held.due(run.run_id, n, now=self.clock(), canary_released=True, cancelled=True, limit=1)
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
