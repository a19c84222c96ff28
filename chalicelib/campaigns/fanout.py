"""Turns a run's audience into chunks for `enrich-bulk`, shard by shard.

A page is planned before it is published: one conditional write stores the page's recipients together with the cursor
behind them. After a crash the next receiver finds the page either not planned, or planned, and publishes what is
planned. Twice at worst, which is harmless: notification ids are derived from run and recipient, so the number of
targeted recipients is exact.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.campaigns.exclusions import each_address_once, excluded
from chalicelib.campaigns.held_chunks import Chunk, Slots, pack, read_held, unpack
from chalicelib.campaigns.jobs import FanoutJob
from chalicelib.campaigns.model import Campaign, spec_of
from chalicelib.campaigns.pacing import AHEAD_SECONDS, Pace, Publisher
from chalicelib.campaigns.recipient_sources import Sources, Target
from chalicelib.campaigns.schedule import BEST_HOUR, RECIPIENT, best_moment, local_moment
from chalicelib.clock import Clock
from chalicelib.composed import Composed
from chalicelib.deliveries import run_id, time_name
from chalicelib.errors import NotFoundError
from chalicelib.flow.queues import MAX_DELAY_SECONDS, JobQueue, Outgoing
from chalicelib.isolation import each
from chalicelib.manifest import Queue
from chalicelib.observability import Line, Work
from chalicelib.pipeline.jobs import CHUNK_SIZE, LetterSpec, chunks, read_job
from chalicelib.schemas import passed, recalled
from chalicelib.states import HELD, CampaignState
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.campaigns import Campaigns
from chalicelib.storage.held_chunks import AT, CANARY, HeldChunks
from chalicelib.storage.runs import Run, Runs
from chalicelib.storage.shards import PARKED_PLACES, Shard, Shards

if TYPE_CHECKING:
    from chalicelib.campaigns.halt import Halt

NOW = "now"
BUDGET_SECONDS = 2.0  # of one message; far below a worker's timeout
_SOON = timedelta(seconds=30)  # a local hour this near is not waited for
_HELD_ROWS = 40


class _Work(NamedTuple):
    """One shard of a run, with everything needed to work on it."""

    head: CampaignHead
    run: Run
    spec: Campaign
    shard: Shard
    pace: Pace

    @property
    def cancelled(self) -> bool:
        return self.head.state == CampaignState.CANCELLED

    @property
    def canary_percent(self) -> int | None:
        return None if self.run.resend_of else self.spec.canary_percent

    @property
    def scheduled(self) -> datetime:
        return datetime.fromisoformat(self.run.scheduled_at)


class _Step(NamedTuple):
    """The shard after a step, and how many seconds the next one has to wait."""

    shard: Shard
    wait: float


class Fanout(Composed):
    """`monotonic` gives monotonic seconds."""

    campaigns: Campaigns
    runs: Runs
    shards: Shards
    held: HeldChunks
    sources: Sources
    publisher: Publisher
    queues: JobQueue
    clock: Clock
    monotonic: Callable[[], float]
    default_zone: str

    def take(self, job: FanoutJob) -> str:
        """Continues with one shard; returns how it ended: `done`, `continued`, `paused`, `stale` (another message has
        taken the step), `unknown`. Raises: UnavailableError (retryable)."""
        work = self._read(job)
        if work is None:
            return "unknown"
        if work.shard.done or work.shard.step != job.step:
            return "stale"
        if work.head.state in HELD:
            return "paused"  # resuming puts a message for this step
        until = self.monotonic() + BUDGET_SECONDS
        while True:
            step = self._advance(work) if work.shard.is_of_audience else self._release(work)
            if step is None:
                return "stale"
            if step.shard.done:
                return "done"
            if step.wait > 0 or self.monotonic() >= until:
                following = job.model_copy(update={"step": step.shard.step})
                self.queues.put(Queue.FANOUT, [Outgoing(passed(following), min(MAX_DELAY_SECONDS, ceil(step.wait)))])
                return "continued"
            work = work._replace(shard=step.shard)

    def _read(self, job: FanoutJob) -> _Work | None:
        run = self.runs.get(job.campaign_id, job.scheduled_at)
        shard = self.shards.get(run.run_id, job.shard) if run else None
        try:
            head = self.campaigns.get(job.campaign_id)
        except NotFoundError:
            return None
        if run is None or shard is None:
            return None
        spec = spec_of(run)
        parts = run.shards if shard.is_of_audience else PARKED_PLACES
        pace = Pace(
            letters_per_second=(head.rate_per_second or spec.rate_per_second) / parts,
            messages_per_second=head.publish_per_second or spec.publish_per_second,
        )
        return _Work(head, run, spec, shard, pace)

    def _advance(self, work: _Work) -> _Step | None:
        """Publishes the planned page and plans the next; None if another message was faster."""
        shard, run = work.shard, work.run
        rest, letters_at, wait = self._publish(work, unpack(run.run_id, shard.pending))
        if rest:
            return self._save(work, wait, pending=pack(run.run_id, rest), letters_at=letters_at)
        if shard.exhausted or work.cancelled:
            return self._save(work, 0.0, pending=None, done=True)
        source = self.sources.of(run, work.spec, scheduled=work.scheduled)
        page = source.page(shard=shard.number, shards=run.shards, cursor=shard.cursor, limit=work.pace.page_size)
        others = () if run.resend_of else work.spec.audience.exclude_campaigns
        out = excluded(page.targets, others, runs=self.runs)
        targets = each_address_once([one for one in page.targets if one.recipient.notification_id not in out])
        slots, canary = self._sort(work, targets)
        return self._save(
            work,
            max(wait, letters_at - self._now() - AHEAD_SECONDS),
            pending=pack(run.run_id, slots),
            letters_at=letters_at,
            cursor=page.cursor,
            exhausted=page.cursor is None,
            targeted=shard.targeted + len(targets),
            canary=shard.canary + canary,
        )

    def _sort(self, work: _Work, targets: Sequence[Target]) -> tuple[Slots, int]:
        """The recipients by when they get it, and how many of them belong to the canary."""
        slots: Slots = {}
        canary = 0
        if work.canary_percent:
            planned = work.shard.targeted + len(targets)
            canary = ceil(planned * work.canary_percent / 100) - work.shard.canary
        for n, target in enumerate(targets):
            slot = (NOW if n < canary else CANARY) if work.canary_percent else self._slot(work, target)
            slots.setdefault(slot, []).append(target.recipient)
        return slots, canary

    def _slot(self, work: _Work, target: Target) -> str:
        if work.run.resend_of or not (work.spec.timezone == RECIPIENT or work.spec.best_hour):
            return NOW
        zone, moment = target.zone or self.default_zone, work.scheduled
        if work.spec.timezone == RECIPIENT:
            moment = local_moment(moment, zone)
        if work.spec.best_hour and target.profile is not None:
            moment = best_moment(target.profile.attributes.get(BEST_HOUR), zone=zone, after=moment)
        return NOW if moment - self.clock() <= _SOON else f"{AT}{time_name(moment)}#"

    def _publish(self, work: _Work, slots: Slots) -> tuple[Slots, float, float]:
        """What is left, when the letter after the last may leave, and how long to wait."""
        channels = tuple(work.run.channels)
        for slot, recipients in slots.items():
            if slot != NOW:
                parts = chunks(recipients, size=CHUNK_SIZE)
                self.held.put(work.run.run_id, slot, (Chunk(channels=channels, recipients=part) for part in parts))
        ready = [
            Chunk(channels=channels, recipients=part) for part in chunks(slots.get(NOW, []), size=work.pace.chunk_size)
        ]
        written, letters_at, wait = self._put(work, ready)
        rest = [recipient for chunk in ready[written:] for recipient in chunk.recipients]
        return ({NOW: rest} if rest else {}), letters_at, wait

    def _put(self, work: _Work, ready: Sequence[Chunk]) -> tuple[int, float, float]:
        """How many chunks were written, when the letter after the last may leave, and how long to wait."""
        now, before = self._now(), work.shard.letters_at
        sizes = [len(chunk.recipients) for chunk in ready]
        delays, _ = work.pace.delays(sizes, now=now, letters_at=before)
        letter = recalled(LetterSpec, work.run.letter)
        published = self.publisher.publish(
            Queue.ENRICH_BULK,
            [
                Outgoing(passed(chunk.job(letter)), min(delay, MAX_DELAY_SECONDS))
                for chunk, delay in zip(ready, delays, strict=True)
            ],
            name=f"publish.{work.head.id}",
            per_second=work.pace.messages_per_second,
            budget_seconds=BUDGET_SECONDS,
        )
        _, letters_at = work.pace.delays(sizes[: published.messages], now=now, letters_at=before)
        return published.messages, letters_at, published.wait_seconds

    def _release(self, work: _Work) -> _Step | None:
        """Puts waiting chunks back into their queue. They are removed after that: a crash in between puts
        them twice."""
        due = self.held.due(
            work.run.run_id,
            work.shard.number,
            now=self.clock(),
            canary_released=work.run.canary_released_at is not None,
            cancelled=work.cancelled,
            limit=_HELD_ROWS,
        )
        if not due:
            return self._save(work, 0.0, done=True)
        read = [(item, read_held(item)) for item in due]
        self.held.remove(item for item, chunk in read if chunk is None)
        waiting = [(item, chunk) for item, chunk in read if chunk is not None]
        written, letters_at, wait = self._put(work, [chunk for _, chunk in waiting])
        self.held.remove(item for item, _ in waiting[:written])
        return self._save(work, max(wait, letters_at - self._now() - AHEAD_SECONDS), letters_at=letters_at)

    def _save(self, work: _Work, wait: float, **changes: Any) -> _Step | None:
        """The next step of the shard, unless another message has taken it."""
        shard = self.shards.save(work.shard, changes, wait_seconds=max(0.0, wait))
        return None if shard is None else _Step(shard, max(0.0, wait))

    def _now(self) -> float:
        return self.clock().timestamp()


def fanout_work(fanout: Fanout, halt: "Halt") -> Work:
    def work(body: str) -> Line:
        job = read_job(FanoutJob, body)
        [end] = each(fanout.take, [job], alone=halt.stop) or ["unreadable"]
        return Line(ids=[run_id(job.campaign_id, job.scheduled_at)], counts={end: 1})

    return work
