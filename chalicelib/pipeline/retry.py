"""Puts work aside and brings it back, with growing delays on its own queue, so that nothing waits behind a problem. The
stages put jobs here; `functions/retry.py` forwards those whose time has come."""

from collections.abc import Callable
from datetime import datetime, timedelta
from math import ceil
from typing import Literal

from chalicelib.clock import Clock, parse_rfc3339, rfc3339
from chalicelib.composed import Composed
from chalicelib.flow.queues import MAX_DELAY_SECONDS, JobQueue, Outgoing
from chalicelib.manifest import Queue, deliver_queue, enrich_queue
from chalicelib.pipeline.jobs import DeliverJob, EnrichJob, Job
from chalicelib.schemas import passed

NEWER_SECONDS = 60.0  # between two tries to find a worker of the newer release
MIN_WAIT_SECONDS = 1.0  # the shortest wait: a moment that has just passed makes no busy loop


class RetryJob(Job):
    """A job put aside, whole, as `body`. `forward`: back into its `queue` at `not_before`, which may be later than
    SQS's longest delay. `reconcile`: settle deliveries with an unknown outcome."""

    kind: Literal["forward", "reconcile"]
    queue: str
    body: str
    not_before: str

    def wait_seconds(self, now: datetime) -> float:
        """How long it still has to wait; not positive once its time has come."""
        return (parse_rfc3339(self.not_before) - now).total_seconds()


class Retries(Composed):
    """The retry queue. `jitter` gives numbers from 0 to 1."""

    queues: JobQueue
    clock: Clock
    jitter: Callable[[], float]
    base_seconds: int

    def again(self, job: EnrichJob | DeliverJob) -> None:
        """Puts a job aside for its next attempt. Raises: UnavailableError (retryable)."""
        later = job.model_copy(update={"attempt": job.attempt + 1})
        self._put("forward", later, in_seconds=self.delay_seconds(job.attempt))

    def later(self, job: EnrichJob | DeliverJob, *, in_seconds: float) -> None:
        """Puts aside a job that was not tried, so no attempt is counted. Raises: UnavailableError (retryable)."""
        self._put("forward", job, in_seconds=in_seconds * (1 + self.jitter() / 2))

    def at_once(self, job: EnrichJob) -> None:
        """Forwards a job without a wait: not every stage may write into its lane. Raises: UnavailableError
        (retryable)."""
        self._put("forward", job, in_seconds=0, at_least=0)

    def until(self, job: EnrichJob, moment: datetime) -> None:
        """Puts aside a job that must not continue before a moment, however far. Raises: UnavailableError
        (retryable)."""
        self._put("forward", job, in_seconds=(moment - self.clock()).total_seconds())

    def newer(self, queue: str, body: str) -> None:
        """Puts aside whatever a newer release wrote: that release takes it when it is back. Raises: UnavailableError
        (retryable)."""
        self._aside("forward", queue, body, wait=NEWER_SECONDS)

    def reconcile(self, job: DeliverJob, *, in_seconds: float) -> None:
        """Asks to settle deliveries with an unknown outcome. Raises: UnavailableError (retryable)."""
        self._put("reconcile", job, in_seconds=in_seconds)

    def forward(self, job: EnrichJob | DeliverJob) -> None:
        """Puts a job back into its lane. Raises: UnavailableError (retryable)."""
        self.queues.put(_home(job), [Outgoing(passed(job))])

    def bring_back(self, aside: RetryJob) -> bool:
        """Forwards what was put aside, or puts it aside again if its time has not come; returns which. Raises:
        UnavailableError (retryable)."""
        wait = aside.wait_seconds(self.clock())
        if wait <= 0:
            self.queues.put(aside.queue, [Outgoing(aside.body)])
            return True
        self.queues.put(Queue.RETRY, [Outgoing(passed(aside), _delay(wait))])
        return False

    def bury(self, job: DeliverJob) -> None:
        """Puts a copy of a job whose attempts are used up into the DLQ of its queue, for a person to look at. Raises:
        UnavailableError (retryable)."""
        self.queues.put(f"{_home(job)}-dlq", [Outgoing(passed(job))])

    def delay_seconds(self, attempt: int) -> float:
        """Doubles with every attempt up to SQS's 15 minutes; the upper half is jitter, so that what failed together
        does not come back together."""
        full: float = min(MAX_DELAY_SECONDS, self.base_seconds * 2 ** (attempt - 1))
        return full * (0.5 + self.jitter() / 2)

    def _put(
        self,
        kind: Literal["forward", "reconcile"],
        job: EnrichJob | DeliverJob,
        *,
        in_seconds: float,
        at_least: float = MIN_WAIT_SECONDS,
    ) -> None:
        self._aside(kind, _home(job), passed(job), wait=max(in_seconds, at_least))

    def _aside(self, kind: Literal["forward", "reconcile"], queue: str, body: str, *, wait: float) -> None:
        not_before = rfc3339(self.clock() + timedelta(seconds=wait))
        aside = RetryJob(kind=kind, queue=queue, body=body, not_before=not_before)
        self.queues.put(Queue.RETRY, [Outgoing(passed(aside), _delay(wait))])


def _home(job: EnrichJob | DeliverJob) -> str:
    if isinstance(job, DeliverJob):
        return deliver_queue(job.channel, job.letter.lane)
    return enrich_queue(job.letter.lane)


def _delay(seconds: float) -> int:
    return min(MAX_DELAY_SECONDS, max(0, ceil(seconds)))
