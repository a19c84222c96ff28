"""The listener to providers."""

from functools import cache

from chalicelib.clock import now
from chalicelib.pipeline.feedback import Feedback
from chalicelib.pipeline.sms_replies import SmsReplies
from chalicelib.wiring.control import site_settings
from chalicelib.wiring.ledger import ledger
from chalicelib.wiring.people import suppressions


@cache
def feedback() -> Feedback:
    """The listener to providers."""
    return Feedback(ledger=ledger(), suppressions=suppressions(), site=site_settings(), clock=now)


@cache
def sms_replies() -> SmsReplies:
    """What people answer to texts."""
    return SmsReplies(suppressions=suppressions())
