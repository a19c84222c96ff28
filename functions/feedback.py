"""Lambda: takes what providers say of letters. Source: queue feedback (SES → SNS → SQS)."""

from chalicelib.observability import whole_batch_handler
from chalicelib.pipeline.workers import feedback_work
from chalicelib.wiring.feedback import feedback
from chalicelib.wiring.ledger import hours

handler = whole_batch_handler(
    "feedback", lambda: feedback_work(feedback()), count=lambda counts, waited: hours().add(counts, waited)
)
