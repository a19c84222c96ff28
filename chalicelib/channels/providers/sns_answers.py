"""What SNS answers to a text or a push, and what it means for us: a row for every error of `Publish` in botocore's
model.

SNS calls much of it InvalidParameter, and says in the text which parameter it was and why; an unknown text means that
nothing was sent, and is not blamed on the reader (`Reason.UNCLEAR`).
"""

import re
from collections.abc import Mapping, Sequence

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.channels.aws_errors import outcome_of, told
from chalicelib.channels.port import Outcome, Verdict
from chalicelib.reasons import Reason

# Their text says what is meant.
BAD_PARAMETER = (
    "InvalidParameter",
    "InvalidParameterValue",
    "ParameterValueInvalid",
    "ValidationException",
    "UserError",
)
REFUSALS: Mapping[str, Mapping[str, Reason]] = {
    "sms": {**dict.fromkeys(BAD_PARAMETER, Reason.UNCLEAR), "OptedOut": Reason.OPTED_OUT_AT_PROVIDER},
    "push": {
        **dict.fromkeys(BAD_PARAMETER, Reason.UNCLEAR),
        "EndpointDisabled": Reason.DEVICE_GONE,
        "NotFound": Reason.DEVICE_GONE,
    },
}
# Nothing was sent, and a person can fix it: messages wait. `InternalError` comes with a 500: unknown.
TO_MEND = frozenset(
    {
        *("PlatformApplicationDisabled", "AuthorizationError", "InvalidSecurity", "InternalError", "NotFound"),
        *("KMSDisabled", "KMSInvalidState", "KMSNotFound", "KMSOptInRequired", "KMSThrottling", "KMSAccessDenied"),
    }
)


def _refused(reason: Reason) -> Outcome:
    return Outcome(Verdict.REFUSED, reason=reason)


def _to_mend(reason: Reason) -> Outcome:
    return Outcome(Verdict.NOT_ACCEPTED, reason=reason)


# Meanings of texts, in the order of matching: our or the account's faults before the reader's.
_OF_THE_ACCOUNT: Sequence[tuple[str, Outcome]] = (
    (r"not authorized|security token|signature|credential", _to_mend(Reason.NO_RIGHT)),
    (r"sandbox|destination phone number is not verified", _to_mend(Reason.SANDBOX)),
    (r"sender ?id|origination|\bspend(ing)? limit|quota", _to_mend(Reason.SMS_SETTINGS)),
    (r"platform application|application is disabled", _to_mend(Reason.APPLICATION_DISABLED)),
)
TEXTS: Mapping[str, Sequence[tuple[str, Outcome]]] = {
    "sms": (
        *_OF_THE_ACCOUNT,
        (r"opted out", _refused(Reason.OPTED_OUT_AT_PROVIDER)),
        (r"message too long", _refused(Reason.TOO_LONG)),
        (r"invalid parameter: (empty )?message\b", _refused(Reason.BAD_REQUEST)),
        (r"phone ?number", _refused(Reason.BAD_NUMBER)),
    ),
    "push": (
        *_OF_THE_ACCOUNT,
        (r"no endpoint found|endpoint .*(is disabled|does not exist)", _refused(Reason.DEVICE_GONE)),
        (r"message too long", _refused(Reason.TOO_LONG)),
        (r"invalid parameter: \w*message\w*\b|json|invalid notification", _refused(Reason.BAD_REQUEST)),
    ),
}


def sns_outcome(channel: str, error: ClientError | BotoCoreError) -> Outcome:
    """The outcome of a call of `Publish` that raised."""
    outcome = outcome_of(error, refusals=REFUSALS[channel])
    if outcome.verdict is not Verdict.REFUSED or not isinstance(error, ClientError):
        return outcome
    fault = error.response.get("Error", {})
    text = fault.get("Message", "")
    known = next((one for words, one in TEXTS[channel] if re.search(words, text, re.IGNORECASE)), None)
    if known is None and outcome.reason == Reason.UNCLEAR:
        known = Outcome(Verdict.NOT_ACCEPTED, reason=Reason.UNCLEAR)
    return (known or outcome)._replace(said=told(fault.get("Code", ""), text))
