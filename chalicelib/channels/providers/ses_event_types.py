"""What SES's events mean for us: one row for every type and subtype that AWS publishes. What SES answers to a call is
in `ses_answers.py`.

Sources: "Contents of event data that Amazon SES publishes to Amazon SNS" of the SES developer guide; the enumerations
of botocore's model of `sesv2`.
"""

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, NamedTuple


class Told(Enum):
    """What an event says about a letter. Which of two holds is decided in `deliveries.py`."""

    NOTHING = "nothing"
    TAKEN = "taken"  # SES has it
    UNRENDERED = "unrendered"
    REJECTED = "rejected"
    RETURNED = "returned"  # something came back that does not say why, as an out-of-office reply does
    DELIVERED = "delivered"
    BOUNCED_FOR_NOW = "bounced_for_now"
    CONTENT_REFUSED = "content_refused"
    WITHHELD = "withheld"  # SES has not tried: the address is on its own list
    BOUNCED_FOR_GOOD = "bounced_for_good"
    COMPLAINED = "complained"


class Against(Enum):
    """What an event counts for against the address."""

    NEVER = "never"
    SOFTLY = "softly"  # one of several that suppress for a while
    BOUNCE = "bounce"
    COMPLAINT = "complaint"


class Word(NamedTuple):
    """One row. `diagnosed`: what the receiving server said decides, if it said anything."""

    told: Told
    against: Against = Against.NEVER
    diagnosed: bool = False


_SOFT = Word(Told.BOUNCED_FOR_NOW, Against.SOFTLY, diagnosed=True)
_HARD = Word(Told.BOUNCED_FOR_GOOD, Against.BOUNCE)
_CONTENT = Word(Told.CONTENT_REFUSED)
_RETURNED = Word(Told.RETURNED)
_COMPLAINT = Word(Told.COMPLAINED, Against.COMPLAINT)
_NOTHING = Word(Told.NOTHING)

# "Bounce types". Those of 2026 are of SES's email validation and its tenants.
BOUNCES: Mapping[tuple[str, str], Word] = {
    ("Undetermined", "Undetermined"): _SOFT,
    ("Permanent", "General"): _HARD,
    ("Permanent", "NoEmail"): _HARD,
    ("Permanent", "Suppressed"): Word(Told.WITHHELD, Against.BOUNCE),
    ("Permanent", "OnAccountSuppressionList"): Word(Told.WITHHELD, Against.BOUNCE),
    ("Permanent", "OnTenantSuppressionList"): Word(Told.WITHHELD, Against.BOUNCE),
    ("Permanent", "EmailValidationSuppressed"): Word(Told.WITHHELD, Against.SOFTLY),  # a guess
    ("Permanent", "UnsubscribedRecipient"): Word(
        Told.WITHHELD
    ),  # from an SES contact list, which this service does not use
    ("Transient", "General"): _SOFT,
    ("Transient", "MailboxFull"): _SOFT,
    ("Transient", "MessageTooLarge"): _CONTENT,
    ("Transient", "CustomTimeoutExceeded"): _SOFT,
    ("Transient", "ContentRejected"): _CONTENT,
    ("Transient", "AttachmentRejected"): _CONTENT,
}
# SES only knows that something came back: without the server's words it may be an automatic reply.
UNEXPLAINED = frozenset({("Undetermined", "Undetermined"), ("Transient", "General")})
_BOUNCES_OF_TYPE = {"Permanent": _HARD}  # a subtype that SES may add later; of any other type, `_SOFT`

# "Complaint types": IANA's, as mailbox providers report them; None where the report does not say.
COMPLAINTS: Mapping[str | None, Word] = {
    "abuse": _COMPLAINT,
    "auth-failure": _NOTHING,  # about a signature, not from a reader
    "fraud": _COMPLAINT,
    "not-spam": _NOTHING,  # the reader took it out of the spam folder
    "other": _COMPLAINT,
    "virus": _COMPLAINT,
    None: _COMPLAINT,
}
# Subtypes: SES has not sent it, as the address complained before.
WITHHELD_COMPLAINTS: Mapping[str, Word] = {
    name: Word(Told.WITHHELD, Against.COMPLAINT) for name in ("OnAccountSuppressionList", "OnTenantSuppressionList")
}

# SES keeps trying, so a delay only proves that it has the letter, whatever its type.
DELAYS: Mapping[str, Word] = dict.fromkeys(
    (
        *("InternalFailure", "General", "MailboxFull", "SpamDetected", "RecipientServerError", "IPFailure"),
        *("TransientCommunicationFailure", "BYOIPHostNameLookupUnavailable", "Undetermined", "SendingDeferral"),
    ),
    Word(Told.TAKEN),
)
REJECTS: Mapping[str, Word] = {"Bad content": Word(Told.REJECTED)}  # a virus: about the letter, not the address
# Types without subtypes. A subscription is one to a contact list of SES, of which this service has none.
EVENTS: Mapping[str, Word] = {
    "Send": Word(Told.TAKEN),
    "Delivery": Word(Told.DELIVERED),
    "Rendering Failure": Word(Told.UNRENDERED),
    "RenderingFailure": Word(Told.UNRENDERED),
    "Open": Word(Told.TAKEN),  # nobody opens what was not sent
    "Click": Word(Told.TAKEN),
    "Subscription": _NOTHING,
}


def word_of(kind: str, body: Mapping[str, Any]) -> Word:
    """The meaning of an event of this type; nothing for a type that SES may add later."""
    match kind:
        case "Bounce":
            recipients = [one for one in body.get("bouncedRecipients") or () if one]
            return _bounce((body.get("bounceType"), body.get("bounceSubType")), recipients)
        case "Complaint":
            withheld = WITHHELD_COMPLAINTS.get(str(body.get("complaintSubType")).strip())
            report = body.get("complaintFeedbackType")
            return withheld or COMPLAINTS.get(str(report).strip().lower() if report else None, _COMPLAINT)
        case "DeliveryDelay":
            return DELAYS.get(str(body.get("delayType")), Word(Told.TAKEN))
        case "Reject":
            return REJECTS.get(str(body.get("reason")), Word(Told.REJECTED))
        case _:
            return EVENTS.get(kind, _NOTHING)


# Enhanced status codes (RFC 3463 and the registry of RFC 5248) of an address that will never take a letter: no such
# mailbox, system or syntax, moved away, no mail server at all (RFC 7505), disabled.
_GONE = re.compile(r"5\.(?:1\.(?:1|2|3|6|10)|2\.1)")
# Too large for the system or the mailbox, what it holds, whom it is from.
_OF_CONTENT = re.compile(r"[45]\.(?:1\.[78]|2\.3|3\.4|6\.\d+|7\.\d+)")
_CODE = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?!\.?\d)")
_REPLY_FOR_GOOD = re.compile(r"(?<![\d.])55\d(?![\d.])")
_WHO = "user|recipient|mailbox|account|address|addressee"
_UNKNOWN_USER = re.compile(
    rf"\b(?:unknown|invalid|no such) (?:local )?(?:{_WHO})\b|\b(?:{_WHO})\b[^.;:]{{0,60}}?"
    r"\b(?:unknown|not found|does(?: not|n't) exist|not exist|no longer (?:exists|available)|is disabled|inactive)\b",
    re.IGNORECASE,
)
_OF_US = re.compile(r"\bsender\b", re.IGNORECASE)  # "Sender address rejected: domain not found"
_NO_FAILURE = frozenset({"delivered", "delayed", "relayed", "expanded"})  # DSN actions (RFC 3464)


def _bounce(kind: tuple[Any, Any], recipients: Iterable[Mapping[str, Any]]) -> Word:
    word = BOUNCES.get(kind) or _BOUNCES_OF_TYPE.get(str(kind[0]), _SOFT)
    if not word.diagnosed:
        return word
    said = [f"{one.get('status') or ''} {one.get('diagnosticCode') or ''}".strip() for one in recipients]
    actions = {str(one["action"]).lower() for one in recipients if one.get("action")}
    text = "; ".join(filter(None, said))
    codes = _CODE.findall(text)
    if any(map(_GONE.fullmatch, codes)) or _names_nobody(text, codes):
        return _HARD
    if (actions and actions <= _NO_FAILURE) or (codes and all(code.startswith("2.") for code in codes)):
        return _RETURNED
    if any(map(_OF_CONTENT.fullmatch, codes)):
        return _CONTENT
    return _RETURNED if not text and (kind in UNEXPLAINED or not kind[0]) else word


def _names_nobody(text: str, codes: Iterable[str]) -> bool:
    for_now = any(code.startswith("4.") for code in codes) and not _REPLY_FOR_GOOD.search(text)
    return not for_now and _UNKNOWN_USER.search(text) is not None and not _OF_US.search(text)
