"""Lambda: takes providers' events about letters and people's replies to texts. Source: queue feedback (SES → SNS → SQS;
two-way SMS → SNS → SQS)."""

from chalicelib.observability import whole_batch_handler
from chalicelib.pipeline.feedback import feedback_work
from chalicelib.stage.workers import count, stage

handler = whole_batch_handler("feedback", lambda: feedback_work(stage().feedback, stage().sms_replies), count=count)
