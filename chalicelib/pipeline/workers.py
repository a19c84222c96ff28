"""What each worker does with one message's body: read the job, do its work, report the result.

What is sent, skipped or failed in a campaign's run is counted by the run itself; `tick` adds it to the hourly figures.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chalicelib.errors import PoisonMessageError
from chalicelib.isolation import each, is_contained
from chalicelib.observability import BatchWork, Line, Outcome, Work
from chalicelib.pipeline.jobs import DeliverJob, DigestJob, EnrichJob, read_chunk, read_job
from chalicelib.pipeline.retry import RetryJob

if TYPE_CHECKING:  # a worker imports only its own stage
    from chalicelib.pipeline.deliver import Deliver
    from chalicelib.pipeline.digest import Digest
    from chalicelib.pipeline.enrich import Enrich
    from chalicelib.pipeline.feedback import Feedback
    from chalicelib.pipeline.reconcile import Reconcile
    from chalicelib.pipeline.ses_events import FeedbackEvent
    from chalicelib.pipeline.sms_replies import SmsReplies


def enrich_work(enrich: "Enrich") -> Work:
    """The work of `functions/enrich.py`."""

    def work(body: str) -> Line:
        job, unreadable = read_chunk(EnrichJob, body)
        done = enrich.enrich(job)
        _require_all(unreadable)
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


def deliver_work(deliver: "Deliver") -> Work:
    """The work of `functions/deliver.py`."""

    def work(body: str) -> Line:
        job, unreadable = read_chunk(DeliverJob, body)
        done = deliver.deliver(job)
        _require_all(unreadable)
        ids = [r.notification_id for r in job.recipients]
        seconds, alone = done.seconds_since_accepted, job.letter.run_id is None
        return Line(ids=ids, counts=done.counts, seconds=seconds, counted=alone)

    return work


def _require_all(unreadable: int) -> None:
    """The readable recipients are done and not repeated: the message goes to the dead-letter queue for the others."""
    if unreadable:
        raise PoisonMessageError(f"{unreadable} recipients of a job cannot be read")


def digest_work(digest: "Digest") -> Work:
    """The work of `functions/digest.py`."""

    def work(body: str) -> Line:
        return Line(counts={"collected": digest.send(read_job(DigestJob, body).user_id)})

    return work


def retry_work(reconcile: "Reconcile") -> Work:
    """The work of `functions/retry.py`."""

    def work(body: str) -> Line:
        done, ids = reconcile.take(read_job(RetryJob, body))
        return Line(ids=ids, counts={done: 1})

    return work


def feedback_work(feedback: "Feedback", replies: "SmsReplies") -> BatchWork:
    """The work of `functions/feedback.py`: the events of a batch are recorded together."""
    from chalicelib.pipeline.ses_events import passed_over, read_event
    from chalicelib.pipeline.sms_replies import read_reply

    def work(bodies: Sequence[str]) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        events: dict[int, FeedbackEvent] = {}

        def read(place: int) -> None:
            body = bodies[place]
            reply = read_reply(body)
            event = read_event(body) if reply is None else None
            if reply is not None:
                outcomes[place] = Line(counts={f"sms_{replies.take(reply)}": 1})
            elif event is None:
                outcomes[place] = Line(counts={passed_over(body): 1})
            else:
                events[place] = event
                outcomes[place] = Line(ids=[event.key.notification_id], counts={event.type.lower(): 1})

        each(read, range(len(bodies)), alone=outcomes.__setitem__, stays=is_contained)
        for place, failure in zip(events, feedback.take(list(events.values())), strict=True):
            if failure is not None:
                outcomes[place] = failure
        return [outcomes[place] for place in range(len(bodies))]

    return work
