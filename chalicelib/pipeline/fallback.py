"""What becomes of the channels behind the one that was tried, where they are tried one after the other. `deliver` tells
of each outcome, `reconcile` of what it has decided.
"""

from collections.abc import Sequence
from datetime import timedelta

from chalicelib.clock import Clock
from chalicelib.deliveries import DeliveryStatus
from chalicelib.pipeline.jobs import DeliverJob, DeliverRecipient, next_channels
from chalicelib.pipeline.retry import Retries
from chalicelib.pipeline.routing import REACHED_BY
from chalicelib.pipeline.unsent import EXPIRED, UNLESS_OPENED, ended, waiting
from chalicelib.storage.ledger import Ledger


class Succession:
    """The successions of one stage."""

    def __init__(self, *, ledger: Ledger, retries: Retries, clock: Clock) -> None:
        self._ledger = ledger
        self._retries = retries
        self._clock = clock

    def after(
        self,
        job: DeliverJob,
        *,
        in_vain: Sequence[DeliverRecipient] = (),
        maybe_there: Sequence[DeliverRecipient] = (),
    ) -> None:
        """Goes on with the next channel at once where this one was in vain. Where the letter is there, or may be, the
        rest is not needed, or waits to see whether it is opened. Repeating it is harmless. Raises: UnavailableError
        (retryable)."""
        if not job.then or job.letter.route is None:
            return
        if in_vain:
            self._retries.at_once(next_channels(job, in_vain))
        if maybe_there and job.letter.route.mode == "escalate":
            self._wait(job, maybe_there, timedelta(minutes=job.letter.route.after_minutes or 0))
        elif maybe_there:
            self._skip(job, maybe_there, reason=REACHED_BY + job.channel)

    def settle(self, job: DeliverJob, recipients: Sequence[DeliverRecipient]) -> None:
        """Has the ledger asked about the rest: the worker that knew died, or a person decides. Raises: UnavailableError
        (retryable)."""
        if job.then and recipients:
            self._retries.at_once(next_channels(job, recipients, after=job.channel))

    def _wait(self, job: DeliverJob, recipients: Sequence[DeliverRecipient], length: timedelta) -> None:
        until = self._clock() + length
        if job.letter.is_over(until):
            return self._skip(job, recipients, reason=EXPIRED)
        ids = [one.notification_id for one in recipients]
        self._ledger.move(waiting(job.letter, ids, job.then, UNLESS_OPENED, until, rule=job.letter.rule))
        return self._retries.until(next_channels(job, recipients, after=job.channel), until)

    def _skip(self, job: DeliverJob, recipients: Sequence[DeliverRecipient], *, reason: str) -> None:
        ids = [one.notification_id for one in recipients]
        self._ledger.move(ended(job.letter, ids, job.then, DeliveryStatus.SKIPPED, reason, rule=job.letter.rule))
