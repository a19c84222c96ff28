"""Decides about deliveries with an unknown outcome: a lost reply, or a worker that died during its call. Runs when the
time for the provider's own event is over.

Nothing is resent blindly: the provider's Send event moves a delivery to `sent` before this runs. What is still
`calling` then follows its category: a transactional letter is sent once more, any other becomes `uncertain` and waits
for a person.
"""

from datetime import timedelta

from chalicelib.categories import CATEGORIES
from chalicelib.clock import Clock, parse_rfc3339
from chalicelib.deliveries import DeliveryStatus, Move
from chalicelib.isolation import each
from chalicelib.manifest import CHANNELS
from chalicelib.observability import Line, Work, log_failure
from chalicelib.pipeline.fallback import Fallback
from chalicelib.pipeline.jobs import DeliverJob, DeliverRecipient, key_of, read_job
from chalicelib.pipeline.retry import Retries, RetryJob
from chalicelib.reasons import Reason
from chalicelib.storage.ledger import Ledger


class Reconcile:
    """Settles unknown outcomes."""

    def __init__(self, *, ledger: Ledger, retries: Retries, clock: Clock, reconcile_seconds: int) -> None:
        self._ledger = ledger
        self._retries = retries
        self._clock = clock
        self._grace = timedelta(seconds=reconcile_seconds)
        self._fallback = Fallback(ledger=ledger, retries=retries, clock=clock)

    def take(self, aside: RetryJob) -> tuple[str, list[str]]:
        """Handles a job that was put aside; returns what it did, and for which notifications. Raises:
        PoisonMessageError (permanent), UnavailableError (retryable)."""
        if aside.kind == "forward":
            return ("forwarded" if self._retries.bring_back(aside) else "waiting"), []
        job = read_job(DeliverJob, aside.body)
        each(
            lambda one: self._reconcile(job.only([one]), one),
            job.recipients,
            alone=lambda one, error: self._give_up(job.only([one]), error),
        )
        return "reconciled", [recipient.notification_id for recipient in job.recipients]

    def _give_up(self, job: DeliverJob, error: Exception) -> None:
        """The stored delivery cannot be read: a person looks at it, and it is not sent."""
        log_failure("reconcile", error, notification_id=job.recipients[0].notification_id)
        self._retries.bury(job)

    def _reconcile(self, job: DeliverJob, recipient: DeliverRecipient) -> None:
        key = key_of(recipient, job.channel)
        found = self._ledger.read(key)
        if found is None or found.status != DeliveryStatus.CALLING:
            # Gone on, or back in the queue with a message of its own … unless its worker died between the two.
            if found is not None and found.status == DeliveryStatus.QUEUED:
                self._retries.forward(job)
            else:
                self._fallback.settle(job, job.recipients)
            return
        deadline = parse_rfc3339(found.lease_until or found.created_at) + self._grace
        wait = (deadline - self._clock()).total_seconds()
        if wait > 0:
            self._retries.reconcile(job, in_seconds=wait + 1)
            return
        harmless = CATEGORIES[job.letter.category].transactional or CHANNELS[job.channel].repeatable
        if harmless and not found.resent:
            again = Move(key, DeliveryStatus.QUEUED, reason=Reason.UNCONFIRMED, owner=found.owner, resend=True)
            if not self._ledger.move([again]):
                self._retries.forward(job.model_copy(update={"attempt": job.attempt + 1}))
            return
        self._ledger.move([Move(key, DeliveryStatus.UNCERTAIN, reason=Reason.UNCONFIRMED, owner=found.owner)])
        self._fallback.settle(job, job.recipients)


def retry_work(reconcile: Reconcile) -> Work:
    """The work of `functions/retry.py`."""

    def work(body: str) -> Line:
        done, ids = reconcile.take(read_job(RetryJob, body))
        return Line(ids=ids, counts={done: 1})

    return work
