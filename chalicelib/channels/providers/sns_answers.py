"""What SNS answers to a text or a push, and what it means for us: a row for every error of `Publish` that botocore's
model names. `sms` and `push` ask it.

SNS calls much of it InvalidParameter, and says in the text which parameter it was and why; where the text is not known,
nothing was sent and it is not taken for the reader's fault (`UNCLEAR`).
"""

import re
from collections.abc import Mapping, Sequence

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.channels.aws_errors import outcome_of, told
from chalicelib.channels.port import BAD_REQUEST, DEVICE_GONE, OPTED_OUT, TOO_LONG, UNCLEAR, Outcome, Verdict

BAD_NUMBER = "bad_number"
# Their text says what is meant.
BAD_PARAMETER = (
    "InvalidParameter",
    "InvalidParameterValue",
    "ParameterValueInvalid",
    "ValidationException",
    "UserError",
)
REFUSALS: Mapping[str, Mapping[str, str]] = {
    "sms": {**dict.fromkeys(BAD_PARAMETER, UNCLEAR), "OptedOut": OPTED_OUT},
    "push": {**dict.fromkeys(BAD_PARAMETER, UNCLEAR), "EndpointDisabled": DEVICE_GONE, "NotFound": DEVICE_GONE},
}
# Nothing was sent, and a person can mend it: what is sent waits. `InternalError` comes with a 500: nobody knows.
TO_MEND = frozenset(
    {
        *("PlatformApplicationDisabled", "AuthorizationError", "InvalidSecurity", "InternalError", "NotFound"),
        *("KMSDisabled", "KMSInvalidState", "KMSNotFound", "KMSOptInRequired", "KMSThrottling", "KMSAccessDenied"),
    }
)


def _refused(reason: str) -> Outcome:
    return Outcome(Verdict.REFUSED, reason=reason)


def _to_mend(reason: str) -> Outcome:
    return Outcome(Verdict.NOT_ACCEPTED, reason=f"provider_{reason}")


# What texts say, in the order in which they are asked: what is ours or the account's before what is the reader's.
_OF_THE_ACCOUNT: Sequence[tuple[str, Outcome]] = (
    (r"not authorized|security token|signature|credential", _to_mend("no_right")),
    (r"sandbox|destination phone number is not verified", _to_mend("sandbox")),
    (r"sender ?id|origination|\bspend(ing)? limit|quota", _to_mend("sms_settings")),
    (r"platform application|application is disabled", _to_mend("platformapplicationdisabled")),
)
TEXTS: Mapping[str, Sequence[tuple[str, Outcome]]] = {
    "sms": (
        *_OF_THE_ACCOUNT,
        (r"opted out", _refused(OPTED_OUT)),
        (r"message too long", _refused(TOO_LONG)),
        (r"invalid parameter: (empty )?message\b", _refused(BAD_REQUEST)),
        (r"phone ?number", _refused(BAD_NUMBER)),
    ),
    "push": (
        *_OF_THE_ACCOUNT,
        (r"no endpoint found|endpoint .*(is disabled|does not exist)", _refused(DEVICE_GONE)),
        (r"message too long", _refused(TOO_LONG)),
        (r"invalid parameter: \w*message\w*\b|json|invalid notification", _refused(BAD_REQUEST)),
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
    if known is None and outcome.reason == UNCLEAR:
        known = Outcome(Verdict.NOT_ACCEPTED, reason=UNCLEAR)
    return (known or outcome)._replace(said=told(fault.get("Code", ""), text))
