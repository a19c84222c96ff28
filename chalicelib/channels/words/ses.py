"""What SES says, in its own words, and what each means for us: one row for every type and subtype that AWS publishes of
events, and for every answer to a call. `email` asks for answers, `pipeline/feedback` for events.

Sources: "Contents of event data that Amazon SES publishes to Amazon SNS", "Amazon SES email sending errors" and "Errors
related to the sending quotas" of the SES developer guide; the enumerations and errors of botocore's model of `sesv2`.
"""

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, NamedTuple

from chalicelib.channels.base import BAD_REQUEST, DAILY_QUOTA, THROTTLED, Outcome, Verdict


class Told(Enum):
    """What an event says of a letter. Which of two holds is `pipeline/statuses.py`'s to say."""

    NOTHING = "nothing"
    TAKEN = "taken"  # SES has it
    UNRENDERED = "unrendered"
    REJECTED = "rejected"
    RETURNED = "returned"  # something came back that does not say why, as an out-of-office reply does
    DELIVERED = "delivered"
    BOUNCED_FOR_NOW = "bounced_for_now"
    CONTENT_REFUSED = "content_refused"
    WITHHELD = "withheld"  # SES has not tried: the address is on a list of its own
    BOUNCED_FOR_GOOD = "bounced_for_good"
    COMPLAINED = "complained"


class Against(Enum):
    """What an event counts for against the address."""

    NEVER = "never"
    SOFTLY = "softly"  # one of several that suppress for a while
    BOUNCE = "bounce"
    COMPLAINT = "complaint"


class Word(NamedTuple):
    """One row. `diagnosed`: what the mailbox's server said decides, where it said anything."""

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
    ("Permanent", "UnsubscribedRecipient"): Word(Told.WITHHELD),  # from a contact list of SES: this service has none
    ("Transient", "General"): _SOFT,
    ("Transient", "MailboxFull"): _SOFT,
    ("Transient", "MessageTooLarge"): _CONTENT,
    ("Transient", "CustomTimeoutExceeded"): _SOFT,
    ("Transient", "ContentRejected"): _CONTENT,
    ("Transient", "AttachmentRejected"): _CONTENT,
}
# Of these SES knows nothing but that something came back: without a word of the server it may be an automatic reply.
UNEXPLAINED = frozenset({("Undetermined", "Undetermined"), ("Transient", "General")})
_BOUNCES_OF_TYPE = {"Permanent": _HARD}  # a subtype that SES may add later; of any other type, `_SOFT`

# "Complaint types": IANA's, as mailbox providers report them; None where the report does not say.
COMPLAINTS: Mapping[str | None, Word] = {
    "abuse": _COMPLAINT,
    "auth-failure": _NOTHING,  # of a signature, not of a reader
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

# SES goes on trying, so that a delay only tells that it has the letter, whatever its type.
DELAYS: Mapping[str, Word] = dict.fromkeys(
    (
        *("InternalFailure", "General", "MailboxFull", "SpamDetected", "RecipientServerError", "IPFailure"),
        *("TransientCommunicationFailure", "BYOIPHostNameLookupUnavailable", "Undetermined", "SendingDeferral"),
    ),
    Word(Told.TAKEN),
)
REJECTS: Mapping[str, Word] = {"Bad content": Word(Told.REJECTED)}  # a virus: of the letter, not of the address
# Types without subtypes. A subscription is one to a contact list of SES, of which this service has none.
EVENTS: Mapping[str, Word] = {
    "Send": Word(Told.TAKEN),
    "Delivery": Word(Told.DELIVERED),
    "Rendering Failure": Word(Told.UNRENDERED),
    "RenderingFailure": Word(Told.UNRENDERED),
    "Open": _NOTHING,
    "Click": _NOTHING,
    "Subscription": _NOTHING,
}


def word_of(kind: str, body: Mapping[str, Any]) -> Word:
    """What an event of a type says; of a type that SES may add later: nothing."""
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


_SLOW_DOWN = Outcome(Verdict.NOT_ACCEPTED, reason=THROTTLED)
_QUOTA = Outcome(Verdict.NOT_ACCEPTED, reason=DAILY_QUOTA)
_REJECTED = Outcome(Verdict.REFUSED, reason="rejected")
_BAD = Outcome(Verdict.REFUSED, reason=BAD_REQUEST)


def _to_mend(reason: str) -> Outcome:
    """Nothing was sent, and a person can mend it: the letters wait."""
    return Outcome(Verdict.NOT_ACCEPTED, reason=f"provider_{reason}")


_PAUSED, _SUSPENDED = _to_mend("sending_paused"), _to_mend("account_suspended")
_UNVERIFIED, _NO_SET = _to_mend("not_verified"), _to_mend("not_found")
# Errors of a call, and the statuses of a bulk call's entries (`BulkEmailStatus`; its page spells three otherwise).
ANSWERS: Mapping[str, Outcome] = {
    "TooManyRequestsException": _SLOW_DOWN,
    "LimitExceededException": _SLOW_DOWN,
    "AccountSuspendedException": _SUSPENDED,
    "SendingPausedException": _PAUSED,
    "MessageRejected": _REJECTED,
    "MailFromDomainNotVerifiedException": _UNVERIFIED,
    "NotFoundException": _NO_SET,
    "BadRequestException": _BAD,
    "MESSAGE_REJECTED": _REJECTED,
    "MAIL_FROM_DOMAIN_NOT_VERIFIED": _UNVERIFIED,
    "CONFIGURATION_SET_NOT_FOUND": _NO_SET,
    "CONFIGURATION_SET_DOES_NOT_EXIST": _NO_SET,
    "TEMPLATE_NOT_FOUND": _NO_SET,
    "TEMPLATE_DOES_NOT_EXIST": _NO_SET,
    "ACCOUNT_SUSPENDED": _SUSPENDED,
    "ACCOUNT_THROTTLED": _SLOW_DOWN,
    "ACCOUNT_DAILY_QUOTA_EXCEEDED": _QUOTA,
    "INVALID_SENDING_POOL_NAME": _to_mend("invalid_sending_pool_name"),
    "ACCOUNT_SENDING_PAUSED": _PAUSED,
    "CONFIGURATION_SET_SENDING_PAUSED": _PAUSED,
    "INVALID_PARAMETER": _BAD,
    "INVALID_PARAMETER_VALUE": _BAD,
    "TRANSIENT_FAILURE": _to_mend("transient_failure"),
    "FAILED": _to_mend("failed"),
}
# Texts that say more than the name they come with: SES calls nearly everything MessageRejected or BadRequest.
TEXTS: Mapping[str, Outcome] = {
    "Daily message quota exceeded": _QUOTA,
    "Maximum sending rate exceeded": _SLOW_DOWN,
    "Email address is not verified": _UNVERIFIED,
    "Sending paused for this account": _PAUSED,
    "Sending suspended for this account": _SUSPENDED,
    "Account is paused": _PAUSED,
    "Sending paused for configuration set": _PAUSED,
    "Configuration set does not exist": _NO_SET,
    "Configuration set <": _NO_SET,  # its name stands between: "… does not exist"
}
_TEXTS = tuple((text.lower(), outcome) for text, outcome in TEXTS.items())


def answer_of(name: str, text: str) -> Outcome | None:
    """What an error of SES, or the status of one entry, means by its name and text; None for a name of no row."""
    said = text.lower()
    return next((outcome for words, outcome in _TEXTS if words in said), None) or ANSWERS.get(name)
