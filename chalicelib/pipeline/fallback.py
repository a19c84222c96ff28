"""Deliveries that end or wait without a call to the provider, and what follows on the next channels if those are tried
one after the other."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from chalicelib.clock import Clock, rfc3339
from chalicelib.composed import Composed
from chalicelib.deliveries import ANY_KEY, DeliveryStatus, Move, S
from chalicelib.observability import log_failure
from chalicelib.pipeline.jobs import DeliverJob, DeliverRecipient, Enlisted, EnrichJob, as_known, key_of
from chalicelib.pipeline.retry import Retries
from chalicelib.reasons import Reason, opened_on, reached_by
from chalicelib.storage.ledger import Ledger

_IN_VAIN = frozenset({S.SKIPPED, S.FAILED, S.BOUNCED, S.CANCELLED})


@dataclass
class Delivered:
    """The results of a job, for the log and the metrics: every part of `deliver` adds to it."""

    # By `sent`, `failed`, `skipped`, `postponed`, `dropped`, `held`, `queued`, `unknown`.
    counts: Counter[str] = field(default_factory=Counter)
    seconds_since_accepted: list[float] = field(default_factory=list)


class Enough(NamedTuple):
    """Those for whom the next channel is not needed, with the reason, and those with no result yet; by notification."""

    skips: Mapping[str, str]
    unknown: frozenset[str] = frozenset()


class Fallback(Composed):
    """Ends deliveries unsent, and continues with the next channel."""

    ledger: Ledger
    retries: Retries
    clock: Clock

    def close(
        self,
        job: DeliverJob,
        recipients: Sequence[DeliverRecipient],
        status: DeliveryStatus,
        reason: str,
        result: Delivered,
        *,
        rule: str | None = None,
    ) -> None:
        """Ends them on the job's channel; the next one is tried at once. Raises: UnavailableError (retryable)."""
        self.after(job, in_vain=recipients)
        self._end(job, recipients, (job.channel,), status, reason, result, rule=rule)

    def close_all(
        self,
        job: DeliverJob,
        recipients: Sequence[DeliverRecipient],
        reason: str,
        result: Delivered,
        *,
        rule: str | None = None,
    ) -> None:
        """Skips them on the job's channel and on all behind it. Raises: UnavailableError (retryable)."""
        self._end(job, recipients, (job.channel, *job.then), S.SKIPPED, reason, result, rule=rule)

    def spoil(self, job: DeliverJob, recipient: DeliverRecipient, error: Exception, result: Delivered) -> None:
        """Fails a recipient whose data cannot be processed. Raises: UnavailableError (retryable)."""
        log_failure("letter", error, notification_id=recipient.notification_id)
        self.close(job, [recipient], S.FAILED, Reason.UNREADABLE, result)

    def after(
        self,
        job: DeliverJob,
        *,
        in_vain: Sequence[DeliverRecipient] = (),
        maybe_there: Sequence[DeliverRecipient] = (),
    ) -> None:
        """Continues with the next channel at once if this one failed. If the letter has arrived, or may have, the rest
        is not needed, or waits to see whether it is opened. Idempotent. Raises: UnavailableError (retryable)."""
        if not job.then or job.letter.route is None:
            return
        if in_vain:
            self.retries.at_once(next_channels(job, in_vain))
        if maybe_there and job.letter.route.mode == "escalate":
            self._wait(job, maybe_there, timedelta(minutes=job.letter.route.after_minutes or 0))
        elif maybe_there:
            self._skip(job, maybe_there, reason=reached_by(job.channel))

    def settle(self, job: DeliverJob, recipients: Sequence[DeliverRecipient]) -> None:
        """Makes `enrich` ask the ledger about the rest: the worker that knew has died, or a person decides. Raises:
        UnavailableError (retryable)."""
        if job.then and recipients:
            self.retries.at_once(next_channels(job, recipients, after=job.channel))

    def _wait(self, job: DeliverJob, recipients: Sequence[DeliverRecipient], length: timedelta) -> None:
        until = self.clock() + length
        if job.letter.is_over(until):
            return self._skip(job, recipients, reason=Reason.EXPIRED)
        self.ledger.move(waiting(recipients, job.then, Reason.UNLESS_OPENED, until, rule=job.letter.rule))
        return self.retries.until(next_channels(job, recipients, after=job.channel), until)

    def _skip(self, job: DeliverJob, recipients: Sequence[DeliverRecipient], *, reason: str) -> None:
        self.ledger.move(ended(recipients, job.then, S.SKIPPED, reason, rule=job.letter.rule))

    def _end(
        self,
        job: DeliverJob,
        recipients: Sequence[DeliverRecipient],
        channels: Sequence[str],
        status: DeliveryStatus,
        reason: str,
        result: Delivered,
        *,
        rule: str | None,
    ) -> None:
        moves = ended(recipients, channels, status, reason, rule=rule or job.letter.rule)
        refused = self.ledger.move(moves)
        result.counts[status.value] += len(moves) - len(refused)
        result.counts["dropped"] += len(refused)


def next_channels(job: DeliverJob, recipients: Sequence[DeliverRecipient], *, after: str | None = None) -> EnrichJob:
    """Back to `enrich` with the following channels: the user's data are read again. With `after`, that channel's result
    decides whether they are needed."""
    return EnrichJob(
        letter=job.letter,
        channels=job.then,
        recipients=tuple(as_known(one, context=one.context) for one in recipients),
        again=True,
        after=after,
    )


def enough(ledger: Ledger, job: EnrichJob) -> Enough:
    """The result of the channel that was tried before the job's; one request per chunk. Raises: UnavailableError
    (retryable)."""
    before = job.after or ""
    found = ledger.states([key_of(one, before) for one in job.recipients])
    if job.letter.route is not None and job.letter.route.mode == "escalate":
        return Enough({key.notification_id: opened_on(before) for key, one in found.items() if one.engaged})
    status = {key.notification_id: DeliveryStatus(one.status) for key, one in found.items()}
    unknown = frozenset(one for one, state in status.items() if state in (S.QUEUED, S.CALLING))
    reached = [one for one, state in status.items() if one not in unknown and state not in _IN_VAIN]
    return Enough(dict.fromkeys(reached, reached_by(before)), unknown)


def waiting(
    recipients: Iterable[Enlisted],
    channels: Sequence[str],
    reason: str,
    until: datetime,
    *,
    rule: str | None = None,
) -> list[Move]:
    """The transitions that record what they wait for, and until when."""
    told = f"{rule or reason}, until {rfc3339(until)}"
    return _of_each(recipients, channels, Move(ANY_KEY, S.WAITING, reason, told))


def ended(
    recipients: Iterable[Enlisted],
    channels: Sequence[str],
    status: DeliveryStatus,
    reason: str,
    *,
    rule: str | None = None,
) -> list[Move]:
    """The transitions that close them unsent, except those that a worker has claimed."""
    return _of_each(recipients, channels, Move(ANY_KEY, status, reason, rule, unclaimed=True))


def _of_each(recipients: Iterable[Enlisted], channels: Sequence[str], alike: Move) -> list[Move]:
    return [alike._replace(key=key_of(one, channel)) for one in recipients for channel in channels]
