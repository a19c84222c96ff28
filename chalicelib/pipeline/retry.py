"""Puts work aside and brings it back: growing delays on a queue of its own, so that nothing waits behind a problem.
`deliver` puts jobs here; `functions/retry.py` forwards those whose delay is over.
"""

from collections.abc import Callable
from typing import Literal

from chalicelib.control.queues import MAX_DELAY_SECONDS, Outgoing
from chalicelib.pipeline.accept import JobQueue
from chalicelib.pipeline.jobs import DeliverJob, Job, deliver_queue

RETRY_QUEUE = "retry"


class RetryJob(Job):
    """A delivery put aside. `again`: the provider did not take it. `reconcile`: nobody knows whether it did."""

    kind: Literal["again", "reconcile"]
    job: DeliverJob


class Retries:
    """The retry queue of one stage. `jitter` gives numbers from 0 to 1."""

    def __init__(self, *, queues: JobQueue, jitter: Callable[[], float], base_seconds: int) -> None:
        self._queues = queues
        self._jitter = jitter
        self._base_seconds = base_seconds

    def again(self, job: DeliverJob) -> None:
        """Puts a job aside for its next attempt. Raises: UnavailableError (retryable)."""
        later = job.model_copy(update={"attempt": job.attempt + 1})
        self._put(RetryJob(kind="again", job=later), self.delay_seconds(job.attempt))

    def reconcile(self, job: DeliverJob, *, in_seconds: float) -> None:
        """Asks for a look at deliveries whose outcome is not known. Raises: UnavailableError (retryable)."""
        self._put(RetryJob(kind="reconcile", job=job), in_seconds)

    def forward(self, job: DeliverJob) -> None:
        """Puts a job back into its lane. Raises: UnavailableError (retryable)."""
        self._queues.put(deliver_queue(job.channel, job.letter.lane), [Outgoing(job.model_dump_json())])

    def bury(self, job: DeliverJob) -> None:
        """Puts a copy of a job whose attempts are used up into the DLQ of its queue, for a person to look at. Raises:
        UnavailableError (retryable)."""
        queue = f"{deliver_queue(job.channel, job.letter.lane)}-dlq"
        self._queues.put(queue, [Outgoing(job.model_dump_json())])

    def delay_seconds(self, attempt: int) -> float:
        """Doubles with every attempt up to SQS's 15 minutes; the upper half is jitter, so that what failed together
        does not come back together."""
        full: float = min(MAX_DELAY_SECONDS, self._base_seconds * 2 ** (attempt - 1))
        return full * (0.5 + self._jitter() / 2)

    def _put(self, job: RetryJob, seconds: float) -> None:
        delay = min(MAX_DELAY_SECONDS, max(0, round(seconds)))
        self._queues.put(RETRY_QUEUE, [Outgoing(job.model_dump_json(), delay)])
