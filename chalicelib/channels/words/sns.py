"""What SNS answers to a text or a push, and what it means for us: a row for every error of `Publish` that botocore's
model names. `sms` and `push` ask it.

SNS calls much of it InvalidParameter, and says in the text which parameter it was.
"""

from collections.abc import Mapping

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.channels.aws import outcome_of
from chalicelib.channels.base import BAD_REQUEST, TOO_LONG, Outcome, Verdict

DEVICE_GONE = "device_gone"
BAD_NUMBER = "bad_number"
OPTED_OUT = "opted_out_at_provider"  # the number answered STOP, and SNS keeps a list of its own
_BAD_PARAMETER = ("InvalidParameter", "InvalidParameterValue", "ParameterValueInvalid", "ValidationException")
REFUSALS: Mapping[str, Mapping[str, str]] = {
    "sms": {**dict.fromkeys(_BAD_PARAMETER, BAD_NUMBER), "OptedOut": OPTED_OUT},
    "push": {
        **dict.fromkeys(_BAD_PARAMETER, BAD_REQUEST),
        "EndpointDisabled": DEVICE_GONE,
        "NotFound": DEVICE_GONE,
    },
}
# Nothing was sent, and a person can mend it: what is sent waits. `InternalError` comes with a 500: nobody knows.
TO_MEND = frozenset(
    {
        *("PlatformApplicationDisabled", "AuthorizationError", "InvalidSecurity", "InternalError", "NotFound"),
        *("KMSDisabled", "KMSInvalidState", "KMSNotFound", "KMSOptInRequired", "KMSThrottling", "KMSAccessDenied"),
    }
)
# Texts that say more than the code they come with, by channel.
TEXTS: Mapping[str, Mapping[str, str]] = {
    "sms": {
        "message too long": TOO_LONG,
        "invalid parameter: message": BAD_REQUEST,
        "sender id": BAD_REQUEST,
        "opted out": OPTED_OUT,
    },
    "push": {"no endpoint found": DEVICE_GONE, "endpoint is disabled": DEVICE_GONE, "message too long": TOO_LONG},
}


def sns_outcome(channel: str, error: ClientError | BotoCoreError) -> Outcome:
    """The outcome of a call of `Publish` that raised."""
    outcome = outcome_of(error, refusals=REFUSALS[channel])
    if outcome.verdict is not Verdict.REFUSED or not isinstance(error, ClientError):
        return outcome
    said = error.response.get("Error", {}).get("Message", "").lower()
    reason = next((reason for words, reason in TEXTS[channel].items() if words in said), outcome.reason)
    return outcome._replace(reason=reason)
