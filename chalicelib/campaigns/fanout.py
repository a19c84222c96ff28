"""Turns a run's audience into chunks for `enrich-bulk`, shard by shard.

A page is planned before it is published: one conditional write stores the page's recipients together with the cursor
behind them. After a crash the next receiver finds the page either not planned, or planned, and publishes what is
planned. Twice at worst, which is harmless: notification ids are derived from run and recipient, so the number of
targeted recipients is exact.
"""

from collections.abc import Callable, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.campaigns.audience_sources import Sources
from chalicelib.campaigns.exclusions import each_address_once
from chalicelib.campaigns.held_chunks import Chunk, Slot, Slots, pack, read_held, unpack
from chalicelib.campaigns.jobs import FanoutJob
from chalicelib.campaigns.model import spec_of
from chalicelib.campaigns.pacing import AHEAD_SECONDS, Pace, Publisher
from chalicelib.campaigns.shard_work import NOW, ShardWork, slots_of
from chalicelib.campaigns.variant_letters import letter_of
from chalicelib.clock import Clock
from chalicelib.composed import Composed
from chalicelib.deliveries import run_id
from chalicelib.errors import NotFoundError
from chalicelib.flow.queues import MAX_DELAY_SECONDS, JobQueue, Outgoing
from chalicelib.isolation import each
from chalicelib.manifest import Queue
from chalicelib.observability import Line, Work, log_failure
from chalicelib.pipeline.jobs import CHUNK_SIZE, chunks, read_job
from chalicelib.schemas import passed
from chalicelib.states import HELD
from chalicelib.storage.campaigns import Campaigns
from chalicelib.storage.held_chunks import HeldChunks
from chalicelib.storage.result_notes import RESULTS
from chalicelib.storage.runs import Runs
from chalicelib.storage.shards import PARKED_PLACES, Shard, Shards

if TYPE_CHECKING:
    from chalicelib.campaigns.halt import Halt
    from chalicelib.campaigns.report_counts import ReportCounts

BUDGET_SECONDS = 2.0  # of one message; far below a worker's timeout
_HELD_ROWS = 40


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

    def _read(self, job: FanoutJob) -> ShardWork | None:
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
        return ShardWork(head, run, spec, shard, pace)

    def _advance(self, work: ShardWork) -> _Step | None:
        """Publishes the planned page and plans the next; None if another message was faster."""
        shard, run = work.shard, work.run
        rest, letters_at, wait = self._publish(work, unpack(run.run_id, shard.pending))
        if rest:
            return self._save(work, wait, pending=pack(run.run_id, rest), letters_at=letters_at)
        if shard.exhausted or work.cancelled:
            return self._save(work, 0.0, pending=None, done=True)
        source = self.sources.of(run, work.spec, scheduled=work.scheduled)
        page = source.page(shard=shard.number, shards=run.shards, cursor=shard.cursor, limit=work.pace.page_size)
        targets = each_address_once([one for one in page.targets if one.recipient.notification_id not in page.left_out])
        slots, canary = slots_of(work, targets, now=self.clock(), default_zone=self.default_zone)
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

    def _publish(self, work: ShardWork, slots: Slots) -> tuple[Slots, float, float]:
        """What is left, when the letter after the last may leave, and how long to wait."""
        ready = list[Chunk]()
        for slot, recipients in slots.items():
            size = work.pace.chunk_size if slot.when == NOW else CHUNK_SIZE
            parts = (work.chunk(slot, part) for part in chunks(recipients, size=size))
            if slot.when == NOW:
                ready += parts
            else:
                self.held.put(work.run.run_id, slot.when, parts)
        written, letters_at, wait = self._put(work, ready)
        rest: Slots = {}
        for chunk in ready[written:]:
            rest.setdefault(Slot(NOW, chunk.variant), []).extend(chunk.recipients)
        return rest, letters_at, wait

    def _put(self, work: ShardWork, ready: Sequence[Chunk]) -> tuple[int, float, float]:
        """How many chunks were written, when the letter after the last may leave, and how long to wait."""
        now, before = self._now(), work.shard.letters_at
        sizes = [len(chunk.recipients) for chunk in ready]
        delays, _ = work.pace.delays(sizes, now=now, letters_at=before)
        # The run's own too: one that cannot be read stops the shard before it plans anybody.
        letters = {one: letter_of(work.run, one) for one in {None, *(chunk.variant for chunk in ready)}}
        published = self.publisher.publish(
            Queue.ENRICH_BULK,
            [
                Outgoing(passed(chunk.job(letters[chunk.variant])), min(delay, MAX_DELAY_SECONDS))
                for chunk, delay in zip(ready, delays, strict=True)
            ],
            name=f"publish.{work.head.id}",
            per_second=work.pace.messages_per_second,
            budget_seconds=BUDGET_SECONDS,
        )
        _, letters_at = work.pace.delays(sizes[: published.messages], now=now, letters_at=before)
        return published.messages, letters_at, published.wait_seconds

    def _release(self, work: ShardWork) -> _Step | None:
        """Puts waiting chunks back into their queue. They are removed after that: a crash in between puts
        them twice."""
        due = self.held.due(
            work.run.run_id,
            work.shard.number,
            now=self.clock(),
            rest_released=work.run.releases_rest(self.clock()),
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

    def _save(self, work: ShardWork, wait: float, **changes: Any) -> _Step | None:
        """The next step of the shard, unless another message has taken it."""
        shard = self.shards.save(work.shard, changes, wait_seconds=max(0.0, wait))
        return None if shard is None else _Step(shard, max(0.0, wait))

    def _now(self) -> float:
        return self.clock().timestamp()


def fanout_work(fanout: Fanout, halt: "Halt", report: "ReportCounts") -> Work:
    def work(body: str) -> Line:
        job = read_job(FanoutJob, body)
        if job.shard == RESULTS:
            [end] = each(report.count, [job], alone=lambda _, error: log_failure("results", error)) or ["unreadable"]
        else:
            [end] = each(fanout.take, [job], alone=halt.stop) or ["unreadable"]
        return Line(ids=[run_id(job.campaign_id, job.scheduled_at)], counts={end: 1})

    return work
