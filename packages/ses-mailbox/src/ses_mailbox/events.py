"""The events that SES publishes through a configuration set, in the shapes of the developer guide ("Contents of event
data that Amazon SES publishes to Amazon SNS" and its examples)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import formataddr, getaddresses, parseaddr
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from ses_mailbox.clock import parse_rfc3339
from ses_mailbox.letters import Letter

EventType = Literal[
    "Send",
    "Delivery",
    "Bounce",
    "Complaint",
    "Reject",
    "Open",
    "Click",
    "DeliveryDelay",
    "Subscription",
    "Rendering Failure",
]
MAX_HEADERS_BYTES = 10_000  # over this SES cuts `mail.headers` and sets `headersTruncated`
_MTA = "mailbox.localhost"


def _api_type(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])| ", "_", name).upper()


EVENT_TYPES = frozenset(map(_api_type, get_args(EventType)))  # in the words of SES's API


class Event(BaseModel):
    """What is known of an event before it is published; also the body of `POST /api/messages/{id}/events`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: EventType
    recipients: tuple[str, ...] = Field(default=(), description="all of the letter's, unless named")
    link: str = "https://example.com/"
    link_tags: dict[str, list[str]] = Field(default_factory=dict)
    ip_address: str = "192.0.2.1"
    user_agent: str = "Mozilla/5.0 (local mailbox)"
    bounce_type: Literal["Permanent", "Transient", "Undetermined"] = "Permanent"
    bounce_sub_type: str = "General"
    status: str | None = Field(default=None, description="of a bounce; empty: without a delivery status notification")
    diagnostic: str | None = None
    complaint_type: str | None = "abuse"
    complaint_sub_type: str | None = None
    delay_type: str = "TransientCommunicationFailure"
    reason: str = "Bad content"
    seconds_later: float = Field(default=0.0, ge=0, le=86_400, description="its time, from when it is published")

    @property
    def api_type(self) -> str:
        """Its type as one of `EVENT_TYPES`."""
        return _api_type(self.type)


@dataclass(frozen=True)
class Publication:
    """One event of one letter, on the way to a topic of this account and region."""

    letter: Letter
    event: Event
    moment: datetime
    region: str
    account_id: str

    def body(self) -> dict[str, Any]:
        """The JSON that SNS carries as its `Message`."""
        name, make = _DETAILS[self.event.type]
        return {"eventType": self.event.type, "mail": self._mail(), name: make(self)}

    @property
    def at(self) -> str:
        """The event's time as SES writes it."""
        return _timestamp(self.moment + timedelta(seconds=self.event.seconds_later))

    @property
    def recipients(self) -> list[str]:
        """The recipients that the event is about."""
        return list(self.event.recipients or self.letter.recipients)

    def _mail(self) -> dict[str, Any]:
        letter, domain = self.letter, parseaddr(self.letter.sender)[1].rpartition("@")[2]
        headers, truncated = _visible_headers(letter)
        automatic = {
            "ses:operation": [letter.operation],
            "ses:configuration-set": [letter.configuration_set or ""],
            "ses:source-ip": ["127.0.0.1"],
            "ses:from-domain": [domain],
            "ses:caller-identity": ["local"],
        }
        return {
            "timestamp": _timestamp(parse_rfc3339(letter.at)),
            "source": letter.sender,
            "sourceArn": f"arn:aws:ses:{self.region}:{self.account_id}:identity/{domain}",
            "sendingAccountId": self.account_id,
            "messageId": letter.id,
            "destination": list(letter.recipients),
            "headersTruncated": truncated,
            "headers": headers,
            "commonHeaders": _common_headers(letter),
            "tags": automatic | {name: [value] for name, value in letter.tags.items()},
        }


def _timestamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _visible_headers(letter: Letter) -> tuple[list[dict[str, str]], bool]:
    pairs = (*letter.headers, *(() if letter.raw is not None else (("MIME-Version", "1.0"),)))
    visible: list[dict[str, str]] = []
    size_bytes = 0
    for name, value in pairs:
        size_bytes += len(name) + len(value) + 4
        if size_bytes > MAX_HEADERS_BYTES:
            return visible, True
        visible.append({"name": name, "value": value})
    return visible, False


def _common_headers(letter: Letter) -> dict[str, Any]:
    named = {name.lower(): value for name, value in letter.headers}
    lists = {
        key: [formataddr(pair) for pair in getaddresses([named[header]])]
        for key, header in (("from", "from"), ("to", "to"), ("cc", "cc"), ("replyTo", "reply-to"))
        if header in named
    }
    return lists | {"messageId": letter.id, "subject": letter.subject}


_SUPPRESSED = "Amazon SES has suppressed sending to this address because it has a recent history of bouncing as an"
# What servers say, by subtype of the bounce: the status code and the text.
_SAID = {
    "Suppressed": ("5.1.1", f"{_SUPPRESSED} invalid address."),
    "OnAccountSuppressionList": (
        "5.1.1",
        "Amazon SES did not send the message: the address is on your account's list.",
    ),
    "MailboxFull": ("4.2.2", "smtp; 452 4.2.2 The email account that you tried to reach is over quota"),
    "MessageTooLarge": ("5.3.4", "smtp; 552 5.3.4 Message size exceeds fixed maximum message size"),
    "ContentRejected": ("5.7.1", "smtp; 554 5.7.1 Message rejected for its content"),
    "AttachmentRejected": ("5.7.0", "smtp; 552 5.7.0 An attachment of this kind is not allowed"),
}
_SAID_OF_TYPE = {"Permanent": ("5.1.1", "smtp; 550 5.1.1 user unknown")}
_EXPIRED = ("4.4.7", "smtp; 550 4.4.7 message expired")


def _bounce(it: Publication) -> dict[str, Any]:
    event = it.event
    said = _SAID.get(event.bounce_sub_type) or _SAID_OF_TYPE.get(event.bounce_type, _EXPIRED)
    status = said[0] if event.status is None else event.status
    diagnostic = said[1] if event.diagnostic is None else event.diagnostic
    notification = {"action": "failed", "status": status, "diagnosticCode": diagnostic} if status or diagnostic else {}
    told = {name: value for name, value in notification.items() if value}
    own = event.bounce_sub_type in {"Suppressed", "OnAccountSuppressionList"}
    return {
        "feedbackId": f"{it.letter.id}-bounce",
        "bounceType": event.bounce_type,
        "bounceSubType": event.bounce_sub_type,
        "bouncedRecipients": [{"emailAddress": address, **told} for address in it.recipients],
        "timestamp": it.at,
        **({"reportingMTA": "dns; amazonses.com" if own else f"dsn; {_MTA}"} if told else {}),
    }


def _complaint(it: Publication) -> dict[str, Any]:
    return {
        "feedbackId": f"{it.letter.id}-complaint",
        "complaintSubType": it.event.complaint_sub_type,
        "complainedRecipients": [{"emailAddress": address} for address in it.recipients],
        "timestamp": it.at,
        "userAgent": it.event.user_agent,
        "complaintFeedbackType": it.event.complaint_type,
        "arrivalDate": it.at,
    }


def _delivery(it: Publication) -> dict[str, Any]:
    took = it.moment + timedelta(seconds=it.event.seconds_later) - parse_rfc3339(it.letter.at)
    return {
        "timestamp": it.at,
        "processingTimeMillis": max(0, round(took.total_seconds() * 1000)),
        "recipients": it.recipients,
        "smtpResponse": "250 2.6.0 Message received",
        "reportingMTA": _MTA,
        "remoteMtaIp": "127.0.0.1",
    }


def _delivery_delay(it: Publication) -> dict[str, Any]:
    recipient = {"status": "4.4.1", "diagnosticCode": "smtp; 421 4.4.1 Unable to connect to remote host"}
    return {
        "timestamp": it.at,
        "delayType": it.event.delay_type,
        "expirationTime": _timestamp(it.moment + timedelta(hours=14)),
        "delayedRecipients": [{"emailAddress": address, **recipient} for address in it.recipients],
        "reportingMTA": _MTA,
    }


def _seen(it: Publication) -> dict[str, Any]:
    return {"timestamp": it.at, "userAgent": it.event.user_agent, "ipAddress": it.event.ip_address}


def _click(it: Publication) -> dict[str, Any]:
    return {**_seen(it), "link": it.event.link, "linkTags": it.event.link_tags or None}


def _subscription(it: Publication) -> dict[str, Any]:
    preferences = {"unsubscribeAll": True, "topicSubscriptionStatus": []}
    return {
        "contactList": "local",
        "timestamp": it.at,
        "source": "UnsubscribeHeader",
        "newTopicPreferences": preferences,
        "oldTopicPreferences": preferences | {"unsubscribeAll": False},
    }


def _rendering_failure(it: Publication) -> dict[str, Any]:
    return {"errorMessage": it.letter.failure or it.event.reason, "templateName": it.letter.template or ""}


_DETAILS: dict[EventType, tuple[str, Callable[[Publication], dict[str, Any]]]] = {
    "Send": ("send", lambda _: {}),
    "Delivery": ("delivery", _delivery),
    "Bounce": ("bounce", _bounce),
    "Complaint": ("complaint", _complaint),
    "Reject": ("reject", lambda it: {"reason": it.event.reason}),
    "Open": ("open", _seen),
    "Click": ("click", _click),
    "DeliveryDelay": ("deliveryDelay", _delivery_delay),
    "Subscription": ("subscription", _subscription),
    "Rendering Failure": ("failure", _rendering_failure),
}
