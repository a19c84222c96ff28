"""What SES answers to a call, and what each answer means for us.

SES calls nearly everything `MessageRejected` or `BadRequestException`, so for those the text decides, elsewhere the
code. An answer that neither explains is not blamed on the letter: nothing was sent, and the letter waits
(`Reason.UNCLEAR`; ADR 0052).

Sources: "Amazon SES email sending errors", "SMTP response codes returned by Amazon SES" and "Errors related to the
sending quotas" of the SES developer guide; botocore's models of `sesv2` and `ses`; the API reference's common errors;
texts about addresses are those of JavaMail's `InternetAddress`, which SES passes on. `tests/contract/ses_texts.py` has
each published text with its verdict.
"""

import re
from collections.abc import Mapping

from chalicelib.channels.aws_errors import told
from chalicelib.channels.port import Outcome, Verdict
from chalicelib.reasons import Reason


def _to_mend(reason: Reason) -> Outcome:
    """Nothing was sent, and a person can fix it: the letters wait."""
    return Outcome(Verdict.NOT_ACCEPTED, reason=reason, ours=True)


def _for_now(reason: Reason) -> Outcome:
    return Outcome(Verdict.NOT_ACCEPTED, reason=reason)


def _refused(reason: Reason) -> Outcome:
    return Outcome(Verdict.REFUSED, reason=reason)


_SLOW_DOWN, _QUOTA, _UNCLEAR = _for_now(Reason.THROTTLED), _for_now(Reason.DAILY_QUOTA), _for_now(Reason.UNCLEAR)
_PAUSED, _SUSPENDED = _to_mend(Reason.SENDING_PAUSED), _to_mend(Reason.ACCOUNT_SUSPENDED)
_UNVERIFIED, _NO_SET = _to_mend(Reason.NOT_VERIFIED), _to_mend(Reason.NOT_FOUND)
_NO_RIGHT, _SANDBOX = _for_now(Reason.NO_RIGHT), _for_now(Reason.SANDBOX)
_REJECTED, _BAD = _refused(Reason.REJECTED), _refused(Reason.BAD_REQUEST)

# Errors of a call, and the statuses of a bulk call's entries (`BulkEmailStatus`; its page spells three otherwise): what
# they mean where their text says nothing.
ANSWERS: Mapping[str, Outcome] = {
    "TooManyRequestsException": _SLOW_DOWN,
    "LimitExceededException": _SLOW_DOWN,
    "AccountSuspendedException": _SUSPENDED,
    "SendingPausedException": _PAUSED,
    "AccountSendingPausedException": _PAUSED,
    "ConfigurationSetSendingPausedException": _PAUSED,
    "MessageRejected": _REJECTED,
    "MailFromDomainNotVerifiedException": _UNVERIFIED,
    "MailFromDomainNotVerified": _UNVERIFIED,
    "NotFoundException": _NO_SET,
    "ConfigurationSetDoesNotExist": _NO_SET,
    "TemplateDoesNotExist": _NO_SET,
    "BadRequestException": _BAD,
    "AccessDeniedException": _NO_RIGHT,
    "AccessDenied": _NO_RIGHT,
    "MESSAGE_REJECTED": _REJECTED,
    "MAIL_FROM_DOMAIN_NOT_VERIFIED": _UNVERIFIED,
    "CONFIGURATION_SET_NOT_FOUND": _NO_SET,
    "CONFIGURATION_SET_DOES_NOT_EXIST": _NO_SET,
    "TEMPLATE_NOT_FOUND": _NO_SET,
    "TEMPLATE_DOES_NOT_EXIST": _NO_SET,
    "ACCOUNT_SUSPENDED": _SUSPENDED,
    "ACCOUNT_THROTTLED": _SLOW_DOWN,
    "ACCOUNT_DAILY_QUOTA_EXCEEDED": _QUOTA,
    "INVALID_SENDING_POOL_NAME": _NO_SET,
    "ACCOUNT_SENDING_PAUSED": _PAUSED,
    "CONFIGURATION_SET_SENDING_PAUSED": _PAUSED,
    "INVALID_PARAMETER": _BAD,
    "INVALID_PARAMETER_VALUE": _BAD,
    "TRANSIENT_FAILURE": _for_now(Reason.TRANSIENT_FAILURE),
    "FAILED": _for_now(Reason.PROVIDER_FAILED),
}
# Codes that SES uses for many things: their text decides, and for the first five an unknown text
# gives no verdict.
_CATCH_ALL = frozenset(
    {
        *("MessageRejected", "MESSAGE_REJECTED", "BadRequestException", "INVALID_PARAMETER", "INVALID_PARAMETER_VALUE"),
        *("FAILED", "TooManyRequestsException", "LimitExceededException", "ACCOUNT_THROTTLED"),
    }
)
_OF_THE_ADDRESS = _refused(Reason.BAD_ADDRESS)
# Meanings of texts, in the order of matching: our or the account's faults before the letter's.
TEXTS: tuple[tuple[str, Outcome], ...] = (
    (r"\bdaily (message|sending|email) (quota|limit)|\bquota\b.*\bexceeded|24-hour", _QUOTA),
    (r"\brate( limit)? exceeded|throttl|sending limit|too many (requests|concurrent)", _SLOW_DOWN),
    (r"(not|n't) (been |yet )?verified|unverified|failed the check in|\b(mx|dkim|mail from)\b", _UNVERIFIED),
    (r"\b(suspended|shut ?down|permanently restricted|terminated)\b", _SUSPENDED),
    (r"\bpaused\b|\bunder review\b|\b(sending|account)( \w+)* disabled\b", _PAUSED),
    (r"\b(configuration ?set|template|pool|tenant|resource|identity)\b.*(not|n't) (exist|found|associated)", _NO_SET),
    (r"not authorized|access denied|not subscribed|subscription for|security token|signature|credential", _NO_RIGHT),
    (r"authenticat|access key|request (has )?expired", _NO_RIGHT),
    (r"temporar|try again|internal (error|failure)|service (unavailable|failure)|timeout", _UNCLEAR),
    (r"^(local address|domain|unexpected quote|quoted?|unterminated|nested group|extra route)\b", _OF_THE_ADDRESS),
    (r"^(illegal|invalid|empty|missing) (email )?(address|recipient|destination|local|domain|final)", _OF_THE_ADDRESS),
    (r"^illegal (route|semicolon|white)", _OF_THE_ADDRESS),
    (r"^missing '|\baddress(es)? (is |are )?(black|block|deny)listed|suppression list", _OF_THE_ADDRESS),
    (r"non-ascii characters|no recipients|at least one recipient|recipient count|too many recipients", _OF_THE_ADDRESS),
    (r"message (length|size)|too (long|large)\b|exceeds? (the )?(maximum|limit|allowed)", _refused(Reason.TOO_LONG)),
    (r"\bvirus|malware|invalid content|\b(filename|file type|extension|attachment|disposition|mime)\b", _REJECTED),
    (r"\bheaders?\b|validation errors? detected|failed to satisfy constraint|\bcharset\b", _BAD),
    (r"^the input you provided is invalid|\bparameters you specified\b", _BAD),
)
_RULES = tuple((re.compile(pattern, re.IGNORECASE), outcome) for pattern, outcome in TEXTS)
# Text that SES quotes from a letter or an address was chosen by a reader or an author: not evidence about the account.
_QUOTED = re.compile(r"""[^\s<>,;:"'`]+@[^\s<>,;:"'`]+|(?<!\w)['`"][^'"]*['"]|<[^>]*>""")
_IDENTITIES = re.compile(r"failed the check in region [^:]*:\s*(.+)", re.IGNORECASE | re.DOTALL)


def answer_of(name: str, text: str, *, sender: str = "") -> Outcome | None:
    """The meaning of an SES error, or of one entry's status; None if neither its code nor its text is known. `sender`
    is the address that the letter was from."""
    found = ANSWERS.get(name)
    if (found is None or name in _CATCH_ALL) and text.strip():
        own = _QUOTED.sub("", text)
        said = next((one for rule, one in _RULES if rule.search(text if one.verdict is Verdict.REFUSED else own)), None)
        found = said or (_UNCLEAR if found and found.verdict is Verdict.REFUSED else found)
    if found is _UNVERIFIED and _names_only_others(text, sender):
        found = _SANDBOX  # outside the sandbox no recipient needs to be verified
    return found and found._replace(said=told(name, text))


def _names_only_others(text: str, sender: str) -> bool:
    """Whether the identities that failed are all recipients. The list may end with an ellipsis, and may contain a
    sender as an address, perhaps with a name, or as a domain."""
    found = _IDENTITIES.search(text)
    if not found or not sender:
        return False
    domain = sender.lower().rpartition("@")[2]
    named = [one.strip(" .…").lower() for one in found[1].split(",")]
    return not any(sender.lower() in one or one == domain for one in named if one)
