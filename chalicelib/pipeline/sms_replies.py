"""Replies to an SMS: STOP ends all texts to the number, START allows them again. The provider's two-way texts come by
SNS → SQS into the queue `feedback`.

The shape is that of "Two-way SMS message payload" in the AWS End User Messaging SMS guide.
"""

import json
import re
from dataclasses import dataclass
from typing import NamedTuple

from chalicelib.errors import NotFoundError
from chalicelib.profiles.suppressions import SuppressionList
from chalicelib.reasons import SuppressionReason

_CHANNEL, _BY = "sms", "sms reply"
_NUMBER = "originationNumber"
# AWS's own opt-out words ("Opting out"), those that the FCC names beside them (47 CFR 64.1200), what people write here.
STOP = frozenset(
    {
        *("ARRET", "CANCEL", "END", "OPTOUT", "OPT-OUT", "QUIT", "REMOVE", "STOP", "STOPALL", "TD", "UNSUBSCRIBE"),
        *("OPT OUT", "REVOKE", "STOP ALL"),
        *("СТОП", "ОТМЕНА", "ОТПИСАТЬСЯ", "ОТПИСКА"),
    }
)
_MARKS = re.compile(r"[^\w\s-]|_")  # punctuation of a sentence, a quotation, a smiley
START = frozenset({"START", "UNSTOP", "СТАРТ"})


class SmsReply(NamedTuple):
    """One reply; `number` in E.164."""

    number: str
    text: str


@dataclass(eq=False, repr=False, kw_only=True)
class SmsReplies:
    """Executes replies."""

    suppressions: SuppressionList

    def take(self, reply: SmsReply) -> str:
        """Executes a reply: `stopped`, `started`, or `unheeded`; idempotent. Raises: UnavailableError (retryable)."""
        word = " ".join(_MARKS.sub(" ", reply.text).split()).upper()
        if word in STOP:
            self.suppressions.add(_CHANNEL, reply.number, reason=SuppressionReason.STOP, by=_BY)
            return "stopped"
        if word in START and self.suppressions.reason_of(_CHANNEL, reply.number) == SuppressionReason.STOP:
            try:
                self.suppressions.remove(_CHANNEL, reply.number, by=_BY)
            except NotFoundError:
                return "unheeded"  # somebody else was first
            return "started"
        return "unheeded"


def read_reply(body: str) -> SmsReply | None:
    """The reply in a message of the queue; None for anything else."""
    if _NUMBER not in body:
        return None  # nearly every message of the queue: an event of SES, which is read once, by `ses_events`
    try:
        content = json.loads(body)
        if content.get("Type") == "Notification":  # a subscription without raw delivery wraps it once more
            content = json.loads(content["Message"])
        number, text = content[_NUMBER], content["messageBody"]
        number.encode()  # JSON may hold lone surrogates, which no hash accepts
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return SmsReply(number, text) if isinstance(number, str) and isinstance(text, str) else None
