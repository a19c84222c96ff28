"""Turns the audience of a run into chunks for `enrich-bulk`, shard by shard.

A page is planned before it is published: one conditional write stores the page's recipients together with the cursor
behind them. Whatever dies, the next receiver finds the page either not planned, or planned; it publishes what is
planned (twice at worst, which is harmless: the ids of the notifications follow from run and recipient), and so the
number of targeted recipients is exact.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any, NamedTuple

from chalicelib.campaigns.exclusions import each_address_once, excluded
from chalicelib.campaigns.held_chunks import AT, CANARY, Chunk, Parking
from chalicelib.campaigns.jobs import PARKED, PARKED_PLACES, FanoutJob, parked_place
from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.pacing import AHEAD_SECONDS, Pace, Publisher
from chalicelib.campaigns.pending import Slots, pack, unpack
from chalicelib.campaigns.recipient_sources import Sources, Target
from chalicelib.campaigns.runs import QUEUE, Runs
from chalicelib.campaigns.schedule import BEST_HOUR, RECIPIENT, best_moment, local_moment
from chalicelib.campaigns.store import CampaignStore
from chalicelib.clock import Clock
from chalicelib.errors import NotFoundError
from chalicelib.flow.queues import MAX_DELAY_SECONDS, JobQueue, Outgoing
from chalicelib.pipeline.jobs import EnrichJob, LetterSpec, chunks
from chalicelib.schemas import passed, recalled
from chalicelib.storage.dynamodb import reaching_dynamodb, update_if
from chalicelib.storage.rows.campaigns import HELD, CampaignRow, RunRow, ShardRow

NOW = "now"
BUDGET_SECONDS = 2.0  # of one message; far below a worker's timeout
_SOON = timedelta(seconds=30)  # a local hour that is so near is not waited for
_PARKED_ROWS = 40


class _Work(NamedTuple):
    """One shard of a run, and all that must be known of it."""

    head: CampaignRow
    run: RunRow
    spec: Campaign
    row: ShardRow
    pace: Pace

    @property
    def cancelled(self) -> bool:
        return self.head.state == "cancelled"


class Fanout:
    """The fan-out of one stage. `monotonic` gives seconds that never go back."""

    def __init__(
        self,
        *,
        campaigns: CampaignStore,
        runs: Runs,
        sources: Sources,
        parking: Parking,
        publisher: Publisher,
        queues: JobQueue,
        clock: Clock,
        monotonic: Callable[[], float],
        default_zone: str,
    ) -> None:
        self._campaigns = campaigns
        self._runs = runs
        self._sources = sources
        self._parking = parking
        self._publisher = publisher
        self._queues = queues
        self._clock = clock
        self._monotonic = monotonic
        self._default_zone = default_zone

    def take(self, job: FanoutJob) -> str:
        """Goes on with one shard; says how it ended: `done`, `continued`, `paused`, `stale` (another message has taken
        the step), `unknown`. Raises: UnavailableError (retryable)."""
        work = self._read(job)
        if work is None:
            return "unknown"
        if work.row.done or int(work.row.step) != job.step:
            return "stale"
        if work.head.state in HELD:
            return "paused"  # whoever lets it go on puts a message for this step
        until = self._monotonic() + BUDGET_SECONDS
        advance = self._release if job.shard.startswith(PARKED) else self._advance
        while True:
            wait = advance(work)
            if wait is None:
                return "stale"
            if work.row.done:
                return "done"
            if wait > 0 or self._monotonic() >= until:
                self._continue(job, int(work.row.step), wait)
                return "continued"

    def _read(self, job: FanoutJob) -> _Work | None:
        run = self._runs.get(job.campaign_id, job.scheduled_at)
        try:
            head = self._campaigns.get(job.campaign_id)
            with reaching_dynamodb():
                row = ShardRow.get(run.run_id if run else "", job.shard, consistent_read=True) if run else None
        except (NotFoundError, ShardRow.DoesNotExist):
            return None
        if run is None or row is None:
            return None
        spec = Campaign.model_validate(run.spec)
        parts = PARKED_PLACES if job.shard.startswith(PARKED) else int(run.shards)
        pace = Pace(
            letters_per_second=(head.rate_per_second or spec.rate_per_second) / parts,
            messages_per_second=head.publish_per_second or spec.publish_per_second,
        )
        return _Work(head, run, spec, row, pace)

    def _advance(self, work: _Work) -> float | None:
        """Publishes the planned page and plans the next; the seconds to wait then, None where another was here."""
        row, pending = work.row, unpack(work.run.run_id, work.row.pending)
        rest, letters_at, wait = self._publish(work, pending)
        if rest:
            return self._save(work, wait, pending=pack(work.run.run_id, rest), letters_at=letters_at)
        if row.exhausted or work.cancelled:
            return self._save(work, 0.0, pending=None, done=True)
        source = self._sources.of(work.run, work.spec, scheduled=_scheduled(work.run))
        shard = int(row.shard.partition("#")[2])
        page = source.page(shard=shard, shards=int(work.run.shards), cursor=row.cursor, limit=work.pace.page_size)
        out = set() if work.run.resend_of else excluded(page.targets, work.spec.audience.exclude_campaigns)
        targets = each_address_once([one for one in page.targets if one.recipient.notification_id not in out])
        slots, canary = self._sort(work, targets)
        return self._save(
            work,
            max(wait, letters_at - self._now() - AHEAD_SECONDS),
            pending=pack(work.run.run_id, slots),
            letters_at=letters_at,
            cursor=page.cursor,
            exhausted=page.cursor is None,
            targeted=int(row.targeted) + len(targets),
            canary=int(row.canary) + canary,
        )

    def _sort(self, work: _Work, targets: Sequence[Target]) -> tuple[Slots, int]:
        """The recipients by when they get it, and how many of them are of the canary."""
        slots: Slots = {}
        canary = 0
        if work.spec.canary_percent and not work.run.resend_of:
            planned = int(work.row.targeted) + len(targets)
            canary = ceil(planned * work.spec.canary_percent / 100) - int(work.row.canary)
        for n, target in enumerate(targets):
            if work.spec.canary_percent and not work.run.resend_of:
                slot = NOW if n < canary else CANARY
            else:
                slot = self._slot(work, target)
            slots.setdefault(slot, []).append(target.recipient)
        return slots, canary

    def _slot(self, work: _Work, target: Target) -> str:
        if work.run.resend_of or not (work.spec.timezone == RECIPIENT or work.spec.best_hour):
            return NOW
        zone, moment = target.zone or self._default_zone, _scheduled(work.run)
        if work.spec.timezone == RECIPIENT:
            moment = local_moment(moment, zone)
        if work.spec.best_hour and target.profile is not None:
            moment = best_moment(target.profile.attributes.get(BEST_HOUR), zone=zone, after=moment)
        if moment - self._clock() <= _SOON:
            return NOW
        return f"{AT}{moment.strftime('%Y-%m-%dT%H:%M:%SZ')}#"

    def _publish(self, work: _Work, slots: Slots) -> tuple[Slots, float, float]:
        """What is left, when the letter after the last may leave, and how long to wait."""
        for slot, recipients in slots.items():
            if slot != NOW:
                self._parking.put_recipients(work.run.run_id, slot, recipients, work.run.channels)
        parts = list(chunks(slots.get(NOW, []), size=work.pace.chunk_size))
        waiting = [Chunk(channels=tuple(work.run.channels), recipients=part) for part in parts]
        written, letters_at, wait = self._put(work, waiting)
        rest = [recipient for part in parts[written:] for recipient in part]
        return ({NOW: rest} if rest else {}), letters_at, wait

    def _put(self, work: _Work, waiting: Sequence[Chunk]) -> tuple[int, float, float]:
        now, before = self._now(), float(work.row.letters_at)
        sizes = [len(chunk.recipients) for chunk in waiting]
        delays, _ = work.pace.delays(sizes, now=now, letters_at=before)
        letter = recalled(LetterSpec, work.run.letter)
        messages = [
            Outgoing(
                passed(
                    EnrichJob(
                        letter=letter,
                        channels=chunk.channels,
                        recipients=chunk.recipients,
                        attempt=chunk.attempt,
                        again=chunk.again,
                    )
                ),
                min(delay, MAX_DELAY_SECONDS),
            )
            for chunk, delay in zip(waiting, delays, strict=True)
        ]
        published = self._publisher.publish(
            "enrich-bulk",
            messages,
            name=f"publish.{work.head.id}",
            per_second=work.pace.messages_per_second,
            budget_seconds=BUDGET_SECONDS,
        )
        _, letters_at = work.pace.delays(sizes[: published.messages], now=now, letters_at=before)
        return published.messages, letters_at, published.wait_seconds

    def _release(self, work: _Work) -> float | None:
        """Puts waiting chunks back into their queue. They are removed after that: a crash between puts them twice."""
        place = parked_place(work.run.run_id, int(work.row.shard.partition("#")[2]))
        parked = self._parking.due(
            place,
            now=self._clock(),
            canary_released=work.run.canary_released_at is not None,
            cancelled=work.cancelled,
            limit=_PARKED_ROWS,
        )
        if not parked:
            return self._save(work, 0.0, done=True)
        self._parking.remove(one.row for one in parked if one.chunk is None)
        waiting = [(one.row, one.chunk) for one in parked if one.chunk is not None]
        written, letters_at, wait = self._put(work, [chunk for _, chunk in waiting])
        self._parking.remove(row for row, _ in waiting[:written])
        wait = max(wait, letters_at - self._now() - AHEAD_SECONDS)
        return self._save(work, wait, letters_at=letters_at)

    def _save(self, work: _Work, wait: float, **changes: Any) -> float | None:
        """The next step of the shard, unless another message has taken it."""
        row, step = work.row, int(work.row.step)
        actions = [ShardRow.step.set(step + 1), ShardRow.resume_at.set(self._now() + max(0.0, wait))]
        for name, value in changes.items():
            attribute = getattr(ShardRow, name)
            actions.append(attribute.remove() if value is None else attribute.set(value))
        made = update_if(row, actions, (ShardRow.step == step) & (ShardRow.done == False))  # noqa: E712
        return max(0.0, wait) if made else None

    def _continue(self, job: FanoutJob, step: int, wait: float) -> None:
        following = job.model_copy(update={"step": step})
        delay = min(MAX_DELAY_SECONDS, ceil(wait))
        self._queues.put(QUEUE, [Outgoing(passed(following), delay)])

    def _now(self) -> float:
        return self._clock().timestamp()


def _scheduled(run: RunRow) -> datetime:
    return datetime.fromisoformat(run.scheduled_at)
