"""Takes what SES says of a letter (SNS → SQS) and moves its delivery forward. Called by `functions/feedback.py`.

Events come late, twice and in any order; a status never moves back, so that does no harm. The shapes are those of
"Examples of event data that Amazon SES publishes to Amazon SNS" in the SES developer guide.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.errors import PoisonMessageError
from chalicelib.pipeline.ledger import DeliveryKey, Engagement, Ledger, Move
from chalicelib.pipeline.statuses import DeliveryStatus

_HARD_BOUNCE = "Permanent"
_NOT_SPAM = "not-spam"
# SES says this, in plain text, when an event destination is made.
_GREETING = "Successfully validated SNS topic for Amazon SES event publishing."


class Suppressions(Protocol):
    """`profiles.suppressions.SuppressionList` is one."""

    def add(self, channel: str, address: str, *, reason: str) -> None:
        """Keeps what is there. Raises: UnavailableError (retryable)."""
        ...


@dataclass(frozen=True)
class FeedbackEvent:
    """One event of one delivery; `body` is the part that is named after its type (`bounce`, `complaint`, …)."""

    type: str
    key: DeliveryKey
    provider_id: str | None
    body: Mapping[str, Any]


class Feedback:
    """The listener of one stage."""

    def __init__(self, *, ledger: Ledger, suppressions: Suppressions) -> None:
        self._ledger = ledger
        self._suppressions = suppressions

    def take(self, event: FeedbackEvent) -> None:
        """Records one event; repeated and reordered ones change nothing. Raises: UnavailableError (retryable)."""
        for reason, address in _to_suppress(event):
            self._suppressions.add(event.key.channel, address, reason=reason)
        if event.type in _ENGAGEMENTS:
            self._ledger.engage(event.key, _ENGAGEMENTS[event.type])
            return
        verdict = _verdict(event)
        if verdict is not None:
            self._ledger.move([Move(event.key, verdict[0], reason=verdict[1], provider_id=event.provider_id)])


_ENGAGEMENTS: Mapping[str, Engagement] = {"Open": "opened", "Click": "clicked", "DeliveryDelay": "delayed"}


def read_event(body: str) -> FeedbackEvent | None:
    """The event in a message; None for one of a letter that is not ours (no `delivery` tag) and for SES's greeting of a
    new topic. Raises: PoisonMessageError (permanent): another shape."""
    if body.strip().strip('"') == _GREETING:
        return None
    try:
        content = json.loads(body)
        if content.get("Type") == "Notification":  # a subscription without raw delivery wraps it once more
            content = json.loads(content["Message"])
        kind = content["eventType"]
        tag = content["mail"].get("tags", {}).get("delivery")
        if not tag:
            return None
        name = {"DeliveryDelay": "deliveryDelay", "RenderingFailure": "failure"}.get(kind, kind.lower())
        return FeedbackEvent(kind, DeliveryKey.of(tag[0]), content["mail"].get("messageId"), content.get(name, {}))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PoisonMessageError("this is not an event of SES") from error


def _verdict(event: FeedbackEvent) -> tuple[DeliveryStatus, str | None] | None:
    match event.type:  # a type that SES may add later says nothing of a status
        case "Send":
            return DeliveryStatus.SENT, None
        case "Delivery":
            return DeliveryStatus.DELIVERED, None
        case "Bounce":
            kind = "hard" if event.body.get("bounceType") == _HARD_BOUNCE else "soft"
            return DeliveryStatus.BOUNCED, f"{kind}_bounce"
        case "Complaint" if event.body.get("complaintFeedbackType") == _NOT_SPAM:
            return None  # the reader took it out of the spam folder
        case "Complaint":
            return DeliveryStatus.COMPLAINED, "complaint"
        case "Reject":
            return DeliveryStatus.FAILED, "rejected"
        case "RenderingFailure" | "Rendering Failure":
            return DeliveryStatus.FAILED, "provider_rendering"
        case _:
            return None


def _to_suppress(event: FeedbackEvent) -> list[tuple[str, str]]:
    if event.type == "Bounce" and event.body.get("bounceType") == _HARD_BOUNCE:
        return [("bounce", one["emailAddress"]) for one in event.body.get("bouncedRecipients", [])]
    if event.type == "Complaint" and event.body.get("complaintFeedbackType") != _NOT_SPAM:
        return [("complaint", one["emailAddress"]) for one in event.body.get("complainedRecipients", [])]
    return []
