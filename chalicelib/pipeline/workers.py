"""What each worker does with the body of one message: read the job, do the stage's verb, say what came of it.

What is sent, skipped or failed of a campaign's run is counted by the run itself; `tick` adds it to the hours.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chalicelib.errors import PoisonMessageError, VestnikError
from chalicelib.observability import BatchWork, Line, Outcome, Work
from chalicelib.pipeline.jobs import DeliverJob, DigestJob, EnrichJob, read_job
from chalicelib.pipeline.retry import RetryJob

if TYPE_CHECKING:  # a worker imports its own stage alone
    from chalicelib.pipeline.deliver import Deliver
    from chalicelib.pipeline.digest import Digest
    from chalicelib.pipeline.enrich import Enrich
    from chalicelib.pipeline.feedback import Feedback
    from chalicelib.pipeline.reconcile import Reconcile
    from chalicelib.pipeline.ses_events import FeedbackEvent
    from chalicelib.pipeline.sms_replies import SmsReplies, SmsReply


def enrich_work(enrich: "Enrich") -> Work:
    """The work of `functions/enrich.py`."""

    def work(body: str) -> Line:
        job = read_job(EnrichJob, body)
        done = enrich.enrich(job)
        counts = {
            "queued": done.queued,
            "held": done.held,
            "postponed": done.postponed,
            **{f"skipped_{reason}": n for reason, n in done.skipped.items()},
        }
        ids = [r.notification_id for r in job.recipients]
        return Line(ids=ids, counts=counts, counted=job.letter.run_id is None)

    return work


def deliver_work(deliver: "Deliver") -> Work:
    """The work of `functions/deliver.py`."""

    def work(body: str) -> Line:
        job = read_job(DeliverJob, body)
        done = deliver.deliver(job)
        ids = [r.notification_id for r in job.recipients]
        seconds, alone = done.seconds_since_accepted, job.letter.run_id is None
        return Line(ids=ids, counts=done.counts, seconds=seconds, counted=alone)

    return work


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
        outcomes: list[Outcome] = []
        events: dict[int, FeedbackEvent] = {}
        for place, body in enumerate(bodies):
            reply = read_reply(body)
            if reply is not None:
                outcomes.append(_take_reply(replies, reply))
                continue
            try:
                event = read_event(body)
            except PoisonMessageError as error:
                outcomes.append(error)
                continue
            if event is None:
                outcomes.append(Line(counts={passed_over(body): 1}))
                continue
            events[place] = event
            outcomes.append(Line(ids=[event.key.notification_id], counts={event.type.lower(): 1}))
        for place, failure in zip(events, feedback.take(list(events.values())), strict=True):
            if failure is not None:
                outcomes[place] = failure
        return outcomes

    return work


def _take_reply(replies: "SmsReplies", reply: "SmsReply") -> Outcome:
    try:
        return Line(counts={f"sms_{replies.take(reply)}": 1})
    except VestnikError as error:
        return error
