"""The events that SES tells of letters (SNS → SQS), as `feedback.py` takes them. The shapes are those of "Examples of
event data that Amazon SES publishes to Amazon SNS" in the SES developer guide.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from chalicelib.errors import PoisonMessageError
from chalicelib.pipeline.moves import DeliveryKey
from chalicelib.pipeline.tally import run_of_tag

# SES says this, in plain text, when an event destination is made.
_GREETING = "Successfully validated SNS topic for Amazon SES event publishing."
_RECIPIENTS = ("bouncedRecipients", "complainedRecipients")


class FeedbackEvent(NamedTuple):
    """One event of one delivery; `body` is the part that is named after its type (`bounce`, `complaint`, …)."""

    type: str
    key: DeliveryKey
    provider_id: str | None
    body: Mapping[str, Any]
    run_id: str | None = None  # of a campaign's letter


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
        tags = content["mail"].get("tags", {})
        tag, run = tags.get("delivery"), tags.get("run")
        if not tag:
            return None
        name = {"DeliveryDelay": "deliveryDelay", "RenderingFailure": "failure"}.get(kind, kind.lower())
        event = FeedbackEvent(
            type=kind,
            key=DeliveryKey.of(tag[0]),
            provider_id=content["mail"].get("messageId"),
            body=content.get(name, {}),
            run_id=run_of_tag(run[0]) if run else None,
        )
        _check(event)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise PoisonMessageError("this is not an event of SES") from error
    return event


def _check(event: FeedbackEvent) -> None:
    # One event that broke the recording would take the other 99 of its batch along.
    texts = [one["emailAddress"] for name in _RECIPIENTS for one in event.body.get(name, [])]
    if not all(isinstance(text, str) for text in (event.provider_id or "", *texts)):
        raise TypeError("expected text")
