"""Adds what must be fresh to a chunk of recipients: who they are, whether they may be written to, where, and in which
language. What passes goes on to `deliver`; the rest is recorded as skipped with its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.clock import Clock, rfc3339
from chalicelib.composed import Composed
from chalicelib.deliveries import DeliveryStatus
from chalicelib.flow.queues import JobQueue, Outgoing
from chalicelib.isolation import together
from chalicelib.manifest import deliver_queue
from chalicelib.observability import Line, Work, log_failure
from chalicelib.pipeline.campaign_port import CampaignPort
from chalicelib.pipeline.digest_queue import DigestQueue
from chalicelib.pipeline.fallback import ended, enough, waiting
from chalicelib.pipeline.jobs import (
    CHUNK_SIZE,
    DeliverJob,
    DeliverRecipient,
    EnrichJob,
    EnrichRecipient,
    chunks,
    read_chunk,
    require_all,
)
from chalicelib.pipeline.reach import ProfileLookup, Reach, ReachLook
from chalicelib.pipeline.retry import Retries
from chalicelib.reasons import Reason
from chalicelib.schemas import passed
from chalicelib.storage.ledger import Ledger

_LOOK_AGAIN_SECONDS = 60  # for a channel without a result yet
_REPLICA_LAG = timedelta(seconds=1)  # how old a chunk's profiles may be


@dataclass
class Enriched:
    """The results of a chunk, for the log and the metrics."""

    queued: int = 0
    held: int = 0
    postponed: int = 0
    failed: int = 0
    skipped: dict[str, int] = field(default_factory=dict)

    def skip(self, reason: str, times: int = 1) -> None:
        """Adds to those of one reason."""
        self.skipped[reason] = self.skipped.get(reason, 0) + times

    def add(self, other: "Enriched") -> None:
        """Adds the results of another part of the chunk."""
        self.queued += other.queued
        self.held += other.held
        self.postponed += other.postponed
        self.failed += other.failed
        for reason, times in other.skipped.items():
            self.skip(reason, times)


class Enrich(Composed):
    """Enriches chunks."""

    lookup: ProfileLookup
    reach: Reach
    digest_queue: DigestQueue
    ledger: Ledger
    queues: JobQueue
    retries: Retries
    campaigns: CampaignPort
    clock: Clock

    def enrich(self, job: EnrichJob) -> Enriched:
        """Sends the chunk on, by channel. Idempotent: a delivery that has moved on is not touched, a duplicate job is
        claimed once. A recipient who cannot be processed fails alone. Raises: UnavailableError (retryable)."""
        total = Enriched()
        together(
            lambda some: total.add(self._enrich(job if len(some) == len(job.recipients) else job.only(some))),
            job.recipients,
            alone=lambda one, error: self._spoil(job, one, error, total),
        )
        return total

    def _spoil(self, job: EnrichJob, one: EnrichRecipient, error: Exception, total: Enriched) -> None:
        log_failure("letter", error, notification_id=one.notification_id)
        self._fail(job, [one], total)

    def _fail(self, job: EnrichJob, some: Sequence[EnrichRecipient], result: Enriched) -> None:
        self.ledger.move(ended(some, job.channels, DeliveryStatus.FAILED, Reason.UNREADABLE, rule=job.letter.rule))
        result.failed += len(some)

    def _enrich(self, job: EnrichJob) -> Enriched:
        admitted = job if job.letter.run_id is None else self.campaigns.admit(job)
        at = rfc3339(self.clock() - _REPLICA_LAG)
        known = self.lookup.read(admitted) if admitted is not None else None
        if admitted is None or known is None:
            return Enriched(held=len(job.recipients))
        result = Enriched(held=len(job.recipients) - len(admitted.recipients))
        self._fail(admitted, [one for one in admitted.recipients if one.user_id in known.unreadable], result)
        aside = known.unresolved | known.unreadable
        answered = admitted.only(one for one in admitted.recipients if one.user_id not in aside)
        look = self.reach.look(answered, known.profiles, known.preferences, at=at)
        collected: frozenset[str] = frozenset()
        if (wishes := look.objections.preferences) and job.after is None:
            collected = self.digest_queue.collect(answered, known.profiles, wishes)
        result.postponed += len(collected)
        now = answered.only(one for one in answered.recipients if one.notification_id not in collected)
        if job.letter.one_by_one:
            self._one_by_one(now, look, result)
        else:
            for channel in job.channels:
                self._send_by(now.model_copy(update={"channels": (channel,)}), look, result)
        # Last, as it may raise: those who were answered for are not held up by the others.
        result.held += self.lookup.ask_again(admitted, known.unresolved)
        return result

    def _one_by_one(self, job: EnrichJob, look: ReachLook, result: Enriched) -> None:
        """Everybody by the first channel that is open to them; the ones behind it follow in their own time."""
        left: EnrichJob | None = self._still_needed(job, result)
        while left is not None:
            skipped = self._send_by(left, look, result)
            rest = tuple(r for r in left.recipients if r.notification_id in skipped)
            following = {"channels": left.channels[1:], "recipients": rest}
            left = left.model_copy(update=following) if rest and following["channels"] else None
            if left is not None:
                look = self.reach.look(left, look.profiles, look.preferences, at=look.at)

    def _still_needed(self, job: EnrichJob, result: Enriched) -> EnrichJob | None:
        """Those for whom the previous channel was not enough; the rest is skipped."""
        if job.after is None:
            return job
        before = enough(self.ledger, job)
        self._skip(job, job.channels, before.skips)
        for reason in before.skips.values():
            result.skip(reason)
        later = [one for one in job.recipients if one.notification_id in before.unknown]
        if later:
            self.retries.later(job.only(later), in_seconds=_LOOK_AGAIN_SECONDS)
            result.held += len(later)
        aside = {*before.skips, *before.unknown}
        needed = tuple(r for r in job.recipients if r.notification_id not in aside)
        return job.model_copy(update={"recipients": needed, "after": None}) if needed else None

    def _send_by(self, job: EnrichJob, look: ReachLook, result: Enriched) -> Mapping[str, str]:
        """Sends on by the first of the job's channels; answers who is skipped there, with the reason."""
        channel = job.channels[0]
        answer = self.reach.judge(job, look)
        self._skip(job, [channel], answer.skips)
        self._postpone(job, answer.waits)
        self._send_on(job, channel, answer.going, looked_at=look.at)
        result.queued += len(answer.going)
        result.postponed += len(answer.waits)
        for reason in answer.skips.values():
            result.skip(reason)
        return answer.skips

    def _postpone(self, job: EnrichJob, waits: Mapping[str, datetime]) -> None:
        """Puts aside those who are in quiet hours: they come back to `enrich`, which reads their data again."""
        for until in sorted(set(waits.values())):
            late = tuple(r for r in job.recipients if waits.get(r.notification_id) == until)
            self.ledger.move(waiting(late, job.channels[:1], Reason.QUIET_HOURS, until))
            self.retries.until(job.model_copy(update={"recipients": late, "attempt": 1, "again": True}), until)

    def _skip(self, job: EnrichJob, channels: Sequence[str], skips: Mapping[str, str]) -> None:
        moves = [
            move
            for one in job.recipients
            if (reason := skips.get(one.notification_id)) is not None
            for move in ended([one], channels, DeliveryStatus.SKIPPED, reason, rule=job.letter.rule)
        ]
        self.ledger.move(moves)

    def _send_on(self, job: EnrichJob, channel: str, going: Sequence[DeliverRecipient], *, looked_at: str) -> None:
        then = job.channels[1:] if job.letter.one_by_one else ()
        # Each instant letter has its own message, so that a slow or bad one holds up nobody.
        jobs = [
            DeliverJob(letter=job.letter, channel=channel, recipients=chunk, then=then, looked_at=looked_at)
            for chunk in chunks(going, size=1 if job.letter.lane == "instant" else CHUNK_SIZE)
        ]
        self.queues.put(deliver_queue(channel, job.letter.lane), [Outgoing(passed(j)) for j in jobs])


def enrich_work(enrich: Enrich) -> Work:
    """The work of `functions/enrich.py`."""

    def work(body: str) -> Line:
        job, unreadable = read_chunk(EnrichJob, body)
        done = enrich.enrich(job)
        require_all(unreadable)
        counts = {
            "queued": done.queued,
            "held": done.held,
            "postponed": done.postponed,
            "failed": done.failed,
            **{f"skipped_{reason}": n for reason, n in done.skipped.items()},
        }
        ids = [r.notification_id for r in job.recipients]
        return Line(ids=ids, counts=counts, counted=job.letter.run_id is None)

    return work
