"""Lambda: takes providers' events about letters and people's replies to texts. Source: queue feedback (SES → SNS → SQS;
two-way SMS → SNS → SQS)."""

from chalicelib.observability import whole_batch_handler
from chalicelib.pipeline.workers import feedback_work
from chalicelib.wiring.feedback import feedback, sms_replies
from chalicelib.wiring.ledger import hours

handler = whole_batch_handler(
    "feedback",
    lambda: feedback_work(feedback(), sms_replies()),
    count=lambda counts, waited: hours().add(counts, waited),
)
