"""What comes back through the queue `feedback` (SNS → SQS): SES's events about letters, and replies to an SMS, of which
STOP ends all texts to the number and START allows them again.

The shapes are those of "Examples of event data that Amazon SES publishes to Amazon SNS" in the SES developer guide and
of "Two-way SMS message payload" in the AWS End User Messaging SMS guide.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from chalicelib.channels.providers.ses_event_types import Word, word_of
from chalicelib.composed import Composed
from chalicelib.deliveries import DeliveryKey, Spot
from chalicelib.errors import NotFoundError, PoisonMessageError
from chalicelib.profiles.suppressions import SuppressionList
from chalicelib.reasons import SuppressionReason

# `Anna <anna@example.com>`; a name may hold anything.
_NAMED = re.compile(r"<([^<>]*)>\s*$")
_RECIPIENTS = ("bouncedRecipients", "complainedRecipients")
# What SNS and SES say when a topic is made, subscribed or left; their `Type` and `notificationType`.
_GREETING = "Successfully validated SNS topic for Amazon SES"
_GREETINGS = frozenset({"SubscriptionConfirmation", "UnsubscribeConfirmation", "AmazonSnsSubscriptionSucceeded"})
GREETING, IDENTITY, FOREIGN = "greeting", "identity_notification", "foreign"
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


class FeedbackEvent(NamedTuple):
    """One event of one delivery; `body` is the part named after its type (`bounce`, `complaint`, …)."""

    type: str
    key: DeliveryKey
    provider_id: str | None
    body: Mapping[str, Any]
    destination: tuple[str, ...] = ()  # whom it was sent to

    @property
    def word(self) -> Word:
        """Its meaning."""
        return word_of(self.type, self.body)

    @property
    def addresses(self) -> Sequence[str]:
        """The letter's own recipient. The addresses in a bounce or a complaint may be spelled differently, be a
        forwarding target, or be missing; they count only if the letter's own is unknown."""
        if len(self.destination) == 1:
            return self.destination
        return _bare(self._named)

    @property
    def _named(self) -> Sequence[object]:
        found = [one for part in _RECIPIENTS for one in self.body.get(part) or () if one]
        told = [one.get("emailAddress") if isinstance(one, Mapping) else one for one in found]
        return [one for one in told if one is not None]

    def check(self) -> None:
        """Raises: TypeError, ValueError (permanent): it cannot be recorded, and would fail its whole batch. Of many
        recipients the readable ones are enough."""
        texts = (self.provider_id or "", self.body.get("userAgent") or "")
        if not all(map(_is_text, texts)) or (self._named and not (self.addresses or all(map(_is_text, self._named)))):
            raise TypeError("expected text")
        if self.key.spot is not None:
            Spot.of(self.key.spot, self.key.notification_id)
        _ = self.word


def read_event(body: str) -> FeedbackEvent | None:
    """The event in a message; None if it is not ours (`passed_over` says what it is). Raises: PoisonMessageError
    (permanent): another shape."""
    try:
        content = _content(body)
        if content is None or _greets(content) or "notificationType" in content:
            return None
        kind = content["eventType"]
        tags = content["mail"].get("tags") or {}
        tag, spot = tags.get("delivery"), tags.get("spot")
        if not tag:
            return None
        name = {"DeliveryDelay": "deliveryDelay", "RenderingFailure": "failure", "Rendering Failure": "failure"}.get(
            kind
        )
        event = FeedbackEvent(
            type=kind,
            key=DeliveryKey.of(tag[0], spot[0] if spot else None),
            provider_id=content["mail"].get("messageId"),
            body=content.get(name or kind.lower()) or {},
            destination=_destination(content["mail"]),
        )
        event.check()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise PoisonMessageError("this is not an event of SES") from error
    return event


def passed_over(body: str) -> str:
    """What a message is in which `read_event` found nothing of ours: a greeting, a notification that is set up on a
    verified address instead of our configuration sets (it has no tags, and the sets publish the same), or an event of
    somebody else's letter."""
    content = _content(body)
    if content is None or _greets(content):
        return GREETING
    return IDENTITY if "notificationType" in content else FOREIGN


def _content(body: str) -> Mapping[str, Any] | None:
    """The JSON of a message; None for a greeting in plain text."""
    if body.strip().strip('"').startswith(_GREETING):
        return None
    content: Mapping[str, Any] = json.loads(body)
    # A subscription without raw delivery wraps it once more.
    return _content(content["Message"]) if content.get("Type") == "Notification" else content


def _greets(content: Mapping[str, Any]) -> bool:
    return not _GREETINGS.isdisjoint({content.get("Type"), content.get("notificationType")})


def _destination(mail: Mapping[str, Any]) -> tuple[str, ...]:
    """The recipient: the envelope's or, if that is missing, the one in the letter's own header. Raises: TypeError
    (permanent): unreadable, and a bounce may name somebody else."""
    places = [mail.get("destination") or (), (mail.get("commonHeaders") or {}).get("to") or ()]
    if not all(_is_text(one) for written in places for one in written if one):
        raise TypeError("expected text")
    return _bare(places[0]) or _bare(places[1])


def _bare(written: Iterable[object]) -> tuple[str, ...]:
    """The addresses without names; anything else is skipped."""
    texts = [one for one in written if isinstance(one, str) and _is_text(one)]
    found = (_NAMED.search(text) or text for text in texts)
    addresses = (one.strip() if isinstance(one, str) else one[1].strip() for one in found)
    return tuple(dict.fromkeys(one for one in addresses if "@" in one))


def _is_text(value: object) -> bool:
    """JSON may hold lone surrogates, which no hash and no table accepts."""
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False


class SmsReply(NamedTuple):
    """One reply; `number` in E.164."""

    number: str
    text: str


class SmsReplies(Composed):
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
        return None  # nearly every message of the queue: an event of SES, which `read_event` reads once
    try:
        content = json.loads(body)
        if content.get("Type") == "Notification":  # a subscription without raw delivery wraps it once more
            content = json.loads(content["Message"])
        number, text = content[_NUMBER], content["messageBody"]
        number.encode()  # JSON may hold lone surrogates, which no hash accepts
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return SmsReply(number, text) if isinstance(number, str) and isinstance(text, str) else None
