"""What AWS End User Messaging Social answers to a WhatsApp message, and what it means for us: a row for every error of
`SendWhatsAppMessage` in botocore's model.

It hands messages on to Meta, and reports faults in them as a bad parameter. Meta's number in the text says which it
was; an unknown text means that nothing was sent, and is not blamed on the reader (`Reason.UNCLEAR`). What Meta finds
out after the call (a number without WhatsApp) comes as an event of the business account, which this service does not
read. Source of the numbers: "Error codes" of Meta's Cloud API.
"""

import re
from collections.abc import Mapping

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.channels.aws_errors import outcome_of, told
from chalicelib.channels.port import Outcome, Verdict
from chalicelib.reasons import Reason


def _for_now(reason: Reason) -> Outcome:
    return Outcome(Verdict.NOT_ACCEPTED, reason=reason)


def _to_fix(reason: Reason) -> Outcome:
    """Every message of the account gets this answer until a person does something."""
    return Outcome(Verdict.NOT_ACCEPTED, reason=reason, ours=True)


def _refused(reason: Reason) -> Outcome:
    return Outcome(Verdict.REFUSED, reason=reason)


ANSWERS: Mapping[str, Outcome] = {
    "ThrottledRequestException": _for_now(Reason.THROTTLED),
    "AccessDeniedException": _to_fix(Reason.NO_RIGHT),
    "ResourceNotFoundException": _to_fix(Reason.NOT_FOUND),  # the sender's number
    "ValidationException": _for_now(Reason.UNCLEAR),
    "InvalidParametersException": _for_now(Reason.UNCLEAR),
}
# They come with a 5xx: AWS failed, or Meta did not answer AWS. The message may have been sent.
UNKNOWN = frozenset({"InternalServiceException", "DependencyException"})
META: Mapping[str, Outcome] = {
    **dict.fromkeys(("4", "80007", "130429", "131048", "131056"), _for_now(Reason.THROTTLED)),
    **dict.fromkeys(("10", "190", "200", "131005"), _to_fix(Reason.NO_RIGHT)),
    **dict.fromkeys(("368", "131031"), _to_fix(Reason.ACCOUNT_SUSPENDED)),
    **dict.fromkeys(
        ("131042", "132015", "132016"), _for_now(Reason.SENDING_PAUSED)
    ),  # unpaid; a template of low quality
    **dict.fromkeys(("132001", "133010"), _for_now(Reason.NOT_FOUND)),  # the template, in that language; the number
    **dict.fromkeys(("132000", "132005", "132012", "132018"), _for_now(Reason.RENDERING)),  # what fills the template
    **dict.fromkeys(("131008", "131009"), _refused(Reason.BAD_REQUEST)),
    **dict.fromkeys(("131021", "131026"), _refused(Reason.BAD_NUMBER)),
    "131030": _for_now(Reason.SANDBOX),
    "131050": _refused(Reason.OPTED_OUT_AT_PROVIDER),
}
_NUMBER = re.compile(r"(?:\(#|code\W{1,4})(\d{1,6})\b", re.IGNORECASE)


def whatsapp_outcome(error: ClientError | BotoCoreError) -> Outcome:
    """The outcome of a call of `SendWhatsAppMessage` that raised."""
    outcome = outcome_of(error, refusals={})
    if outcome.verdict is Verdict.UNKNOWN or not isinstance(error, ClientError):
        return outcome
    fault = error.response.get("Error", {})
    code, text = fault.get("Code", ""), fault.get("Message", "")
    known = ANSWERS.get(code, outcome)
    if known.reason == Reason.UNCLEAR:
        known = next((META[number] for number in _NUMBER.findall(text) if number in META), known)
    return known._replace(said=told(code, text))
