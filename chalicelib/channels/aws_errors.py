"""What boto3's exceptions mean for a call to an AWS provider. The channels of AWS (e-mail, SMS, push) add their own
meanings of the provider's codes."""

import re
from collections.abc import Mapping

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ProxyConnectionError,
)

from chalicelib.channels.port import Outcome, Verdict
from chalicelib.reasons import Reason, ReasonFamily

# Errors before a connection was made, so that nothing can have been accepted. SSLError is not one: it may
# come while the reply is read.
_NEVER_SENT = (ConnectTimeoutError, EndpointConnectionError, NoCredentialsError, ProxyConnectionError)
_THROTTLES = frozenset(
    {
        "TooManyRequestsException",
        "LimitExceededException",
        "ThrottlingException",
        "Throttling",
        "Throttled",
        "ThrottledException",
        "KMSThrottling",
    }
)


def outcome_of(error: ClientError | BotoCoreError, *, refusals: Mapping[str, Reason]) -> Outcome:
    """The outcome of a call that raised. `refusals`: the provider's permanent error codes, with our reasons."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
        if status >= 500:
            return Outcome(Verdict.UNKNOWN, reason=Reason.PROVIDER_ERROR)
        return named_outcome(error.response.get("Error", {}).get("Code", ""), refusals=refusals)
    if isinstance(error, ParamValidationError):
        return Outcome(Verdict.REFUSED, reason=Reason.BAD_REQUEST)
    if isinstance(error, _NEVER_SENT):
        return Outcome(Verdict.NOT_ACCEPTED, reason=Reason.NO_CONNECTION)
    return Outcome(Verdict.UNKNOWN, reason=Reason.REPLY_LOST)


def named_outcome(code: str, *, refusals: Mapping[str, Reason]) -> Outcome:
    """The meaning of a provider's error code: slow down, never, or not now."""
    if code in _THROTTLES:
        return Outcome(Verdict.NOT_ACCEPTED, reason=Reason.THROTTLED)
    if code in refusals:
        return Outcome(Verdict.REFUSED, reason=refusals[code])
    # A paused account, an unverified sender, a missing right: nothing was sent, and a person can fix it.
    return Outcome(
        Verdict.NOT_ACCEPTED, reason=ReasonFamily.PROVIDER(code.lower()) if code else Reason.PROVIDER_REFUSED
    )


# Of one reader: an e-mail address, a telephone number.
_PERSONAL = re.compile(r"[^\s<>,;:\"'`]+@[^\s<>,;:\"'`]+|\+?\d[\d ()-]{6,}\d")
_TOLD = 200


def told(name: str, text: str) -> str:
    """What a provider said, for people: without the addresses and numbers in it."""
    return f"{name}: {_PERSONAL.sub('…', ' '.join(text.split()))}"[:_TOLD].rstrip(": ")
