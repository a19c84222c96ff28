"""Runs: opened once for each scheduled time, kept going, and closed when everything is settled.

A run is opened by a conditional put on its deterministic key; every later step can be repeated, so that whoever finds a
run half opened only has to open it again.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.campaigns.held_chunks import Parking
from chalicelib.campaigns.jobs import AUDIENCE, PARKED, PARKED_PLACES, FanoutJob, parked_place
from chalicelib.campaigns.progress import Planned, Progress, read_progress, sampled
from chalicelib.campaigns.run_planner import RunPlanner
from chalicelib.campaigns.shards import shards_of
from chalicelib.clock import Clock, rfc3339
from chalicelib.errors import ConflictError, Phrase
from chalicelib.flow.queues import JobQueue, Outgoing
from chalicelib.schemas import passed
from chalicelib.storage.dynamodb import (
    dynamodb,
    expiry_epoch,
    find,
    raw_query,
    reaching_dynamodb,
    readable,
    save_if,
    update_if,
)
from chalicelib.storage.hourly_stats import Hours
from chalicelib.storage.rows.campaigns import HELD, ONE, CampaignRow, RunRow, ShardRow

QUEUE = "fanout"
STALLED = timedelta(minutes=3)  # a shard that should have gone on so long ago has lost its message
_KEPT_EXTRA_DAYS = 30  # a run's bookkeeping outlives its letters' rows


class Runs:
    """The runs of one stage."""

    def __init__(
        self,
        *,
        planner: RunPlanner,
        parking: Parking,
        queues: JobQueue,
        hours: Hours,
        clock: Clock,
        retention_days: int,
    ) -> None:
        self._planner = planner
        self._parking = parking
        self._queues = queues
        self._hours = hours
        self._clock = clock
        self._retention_days = retention_days

    def open(
        self,
        head: CampaignRow,
        scheduled: datetime,
        *,
        resend_of: RunRow | None = None,
        reasons: Sequence[str] | None = None,
    ) -> tuple[RunRow, bool]:
        """The run of this time, and whether it is a new one; opening it again is harmless. Raises: ConflictError
        (permanent: the campaign is not what `head` says any more), UnavailableError (retryable)."""
        run, new = self._record(head, self._planner.draw_up(head, scheduled, resend_of=resend_of, reasons=reasons))
        if run.opened is not None:
            self.keep_going(head, run)
        return run, new

    def get(self, campaign_id: str, scheduled_at: str) -> RunRow | None:
        """Raises: UnavailableError (retryable)."""
        return find(RunRow, campaign_id, scheduled_at)

    def of(self, campaign_id: str, *, limit: int | None = None) -> list[RunRow]:
        """The runs of a campaign, newest first. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            return readable(RunRow, raw_query(RunRow, campaign_id, most=limit, scan_index_forward=False))

    def unfinished(self) -> list[tuple[str, str]]:
        """The keys of all that are open. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            return [(row.campaign_id, row.scheduled_at) for row in RunRow.by_open.query(ONE)]

    def keep_going(self, head: CampaignRow, run: RunRow) -> None:
        """Completes whatever a crash left out of an opening, and puts a message for each shard that is not done. A
        shard that has one already goes on once all the same. Raises: UnavailableError (retryable)."""
        self.kick(run, self._whole(head, run))

    def kick(self, run: RunRow, shards: Sequence[ShardRow]) -> None:
        """Puts a message for each shard that is not done. Raises: UnavailableError (retryable)."""
        jobs = [
            FanoutJob(campaign_id=run.campaign_id, scheduled_at=run.scheduled_at, shard=row.shard, step=int(row.step))
            for row in shards
            if not row.done
        ]
        self._queues.put(QUEUE, [Outgoing(passed(job)) for job in jobs])

    def wake_parked(self, run: RunRow, *, all_of_it: bool = False) -> None:
        """Sends off the waiting chunks whose time has come; `all_of_it`: of a cancelled run. Raises: UnavailableError
        (retryable)."""
        for n in range(PARKED_PLACES):
            due = self._parking.due(
                parked_place(run.run_id, n),
                now=self._clock(),
                canary_released=run.canary_released_at is not None,
                cancelled=all_of_it,
                limit=1,
            )
            row = ShardRow(run.run_id, f"{PARKED}{n:02}")
            if due and self._wake(row):
                self.kick(run, [row])

    def look_after(self, head: CampaignRow, run: RunRow) -> Progress | None:
        """What `tick` does for an open run; what it came to, when it is finished. Raises: UnavailableError
        (retryable)."""
        shards = self._whole(head, run)
        if head.state not in HELD:
            stalled = (self._clock() - STALLED).timestamp()
            self.kick(run, [row for row in shards if not row.done and row.resume_at < stalled])
            self.wake_parked(run, all_of_it=head.state == "cancelled")
        progress = read_progress(run)
        audience = [row for row in shards if row.shard.startswith(AUDIENCE)]
        if all(row.done for row in audience) and progress.settled >= progress.targeted:
            return progress
        self._note(run, progress)
        return None

    def close(self, run: RunRow, outcome: str, progress: Progress) -> None:
        """Closes a run; the campaign's head was told before. Raises: UnavailableError (retryable)."""
        actions = [
            RunRow.opened.remove(),
            RunRow.outcome.set(outcome),
            RunRow.finished_at.set(rfc3339(self._clock())),
            RunRow.targeted.set(progress.targeted),
        ]
        self._note(run, progress, *actions)

    def _note(self, run: RunRow, progress: Progress, *more: Action) -> None:
        """Keeps how far it has come, and tells the picture of the hours what is new."""
        counts = {"sent": progress.sent, "failed": progress.failed, "skipped": sum(progress.skipped.values())}
        told = run.in_hours or {}
        samples = sampled(run.samples, rfc3339(self._clock()), progress)
        actions = [RunRow.samples.set(samples), RunRow.in_hours.set(counts), *more]
        if update_if(run, actions, RunRow.opened.exists()):
            self._hours.add({word: max(0, n - told.get(word, 0)) for word, n in counts.items()})

    def _record(self, head: CampaignRow, drawn: RunRow) -> tuple[RunRow, bool]:
        """Together with the campaign's note of it: what was edited, or lost its approval, since the run was drawn up
        opens none."""
        approved = CampaignRow.approved_tag
        unchanged = (CampaignRow.version == int(head.version)) & (
            approved == head.approved_tag if head.approved_tag else approved.does_not_exist()
        )
        with reaching_dynamodb():
            try:
                with TransactWrite(connection=dynamodb()) as transaction:
                    transaction.save(drawn, condition=RunRow.campaign_id.does_not_exist())
                    noted: list[Action] = [CampaignRow.open_runs.add({drawn.scheduled_at})]
                    transaction.update(head, actions=noted, condition=unchanged)
                return drawn, True
            except TransactWriteError as error:
                if not error.cancellation_reasons:
                    raise
        known = self.get(drawn.campaign_id, drawn.scheduled_at)
        if known is None:
            raise ConflictError(Phrase("the campaign was changed as its run was opened; read it again"))
        return known, False

    def _note_open(self, head: CampaignRow, run: RunRow) -> None:
        """Makes the run's shards and tells the campaign's head."""
        expires = expiry_epoch(self._retention_days + _KEPT_EXTRA_DAYS, since=self._clock())
        names = [f"{AUDIENCE}{n:02}" for n in range(int(run.shards))] + [
            f"{PARKED}{n:02}" for n in range(PARKED_PLACES)
        ]
        for name in names:
            row = ShardRow(
                run.run_id,
                name,
                done=name.startswith(PARKED),
                resume_at=self._clock().timestamp(),
                expires_at_epoch=expires,
            )
            save_if(row, ShardRow.run_id.does_not_exist())
        with reaching_dynamodb():
            head.update(actions=[CampaignRow.open_runs.add({run.scheduled_at}), *_newest(head, run)])
        update_if(head, [CampaignRow.state.set("running")], CampaignRow.state == "scheduled")

    def _whole(self, head: CampaignRow, run: RunRow) -> list[ShardRow]:
        """The run's shards, all of them: an opening that died between them is completed."""
        shards = shards_of(run.run_id)
        if len(shards) == int(run.shards) + PARKED_PLACES and run.scheduled_at in (head.open_runs or set()):
            return shards
        self._note_open(head, run)
        return shards_of(run.run_id)

    def _wake(self, row: ShardRow) -> bool:
        """False where another was first."""
        now = self._clock().timestamp()
        actions = [ShardRow.done.set(False), ShardRow.step.set(ShardRow.step + 1), ShardRow.resume_at.set(now)]
        return update_if(row, actions, ShardRow.done == True)  # noqa: E712 (a condition of DynamoDB's)


def _newest(head: CampaignRow, run: RunRow) -> list[Action]:
    """What the head's note of its newest run becomes."""
    known = Planned.newest(head)
    if known is not None and known.scheduled_at > run.scheduled_at:
        return []
    return [CampaignRow.newest_run.set(Planned.of(run)._asdict())]


def finish_on_head(head: CampaignRow, run: RunRow, progress: Progress) -> None:
    """Takes the run off the campaign's open ones and moves the campaign on when it was the last. Raises:
    UnavailableError (retryable)."""
    known = Planned.newest(head)
    if known is not None and known.run_id == run.run_id:
        finished = known._replace(targeted=progress.targeted)._asdict()
        update_if(head, [CampaignRow.newest_run.set(finished)], CampaignRow.newest_run == head.newest_run)
    with reaching_dynamodb():
        head.update(actions=[CampaignRow.open_runs.delete({run.scheduled_at})])
    idle: Condition = (CampaignRow.state == "running") & CampaignRow.open_runs.does_not_exist()
    if not update_if(head, [CampaignRow.state.set("scheduled")], idle & CampaignRow.next_run_at.exists()):
        update_if(head, [CampaignRow.state.set("completed")], idle & CampaignRow.next_run_at.does_not_exist())
