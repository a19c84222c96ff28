"""Obstacles to a command, in words: what is wrong and what to do next. Used by every command that works on a stage
(`reaching_aws.py`) and by the doctor.

The codes are those of AWS's "Common errors" and of S3's "Error responses"; the exceptions are botocore's own.
"""

import errno
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import NamedTuple

import boto3
import botocore.exceptions as aws
import botocore.session
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import UnavailableError

# What a command may meet that is not a fault of its own.
OBSTACLES = (BotoCoreError, ClientError, Boto3Error, OSError, UnavailableError, subprocess.CalledProcessError)

RIGHTS = "give these credentials the policy that `python -m infra.rights --stage <stage>` prints"
_ANEW = "sign in again (`aws sso login`, `aws login`), or export new keys"
_FILES = "fix ~/.aws/config, ~/.aws/credentials or the AWS_* variables of this shell"
KEYS = "export AWS_PROFILE=<yours>, or `aws configure`, or `aws sso login`"
_CLOCK = "set this machine's clock (`timedatectl set-ntp true`): AWS takes five minutes of difference"
_LATER = "try again in a minute; https://health.aws.amazon.com says whether AWS has trouble"
_NETWORK = "is this machine on the network? Behind a proxy: HTTPS_PROXY, and AWS_CA_BUNDLE for its certificate"
_REGION = "export AWS_REGION=eu-central-1 (yours), or `aws configure`"


class Obstacle(NamedTuple):
    """Something that only a person can remove."""

    wrong: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.wrong}\n  do: {self.remedy}"


NO_REGION = Obstacle("no AWS region is chosen", _REGION)
NO_CREDENTIALS = Obstacle("no AWS credentials are found", KEYS)

# Of each kind the first that fits; None for the exception's own words.
_KINDS: tuple[tuple[tuple[type[BaseException], ...], str | None, str], ...] = (
    ((aws.NoRegionError,), *NO_REGION),
    ((aws.NoCredentialsError, aws.NoAuthTokenError), *NO_CREDENTIALS),
    ((aws.PartialCredentialsError, aws.CredentialRetrievalError), None, KEYS),
    ((aws.SSOError, aws.TokenRetrievalError, aws.LoginError), None, _ANEW),
    ((aws.RefreshWithMFAUnsupportedError,), None, "export the keys of a session: `aws sts get-session-token`"),
    ((aws.MissingDependencyException,), None, "use `aws sso login` or exported keys: `aws login` needs botocore[crt]"),
    ((aws.InvalidRegionError, aws.UnknownRegionError, aws.ServiceNotInRegionError), None, _REGION),
    ((aws.ConfigParseError, aws.ConfigNotFound, aws.InvalidConfigError), None, _FILES),
    ((aws.InvalidRetryConfigurationError, aws.InvalidDefaultsMode, aws.InvalidProxiesConfigError), None, _FILES),
    ((aws.MetadataRetrievalError,), None, KEYS),
    ((aws.SSLError,), None, _NETWORK),
    ((aws.ConnectionError, aws.HTTPClientError, aws.EndpointProviderError), None, _NETWORK),
)
_EXPIRED = "the AWS credentials have expired", _ANEW
_UNKNOWN = "AWS does not know these credentials", f"{KEYS}; of a session's keys AWS_SESSION_TOKEN is a part"
_CODES: dict[str, tuple[str | None, str]] = {
    **dict.fromkeys(("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "ExpiredSSOToken"), _EXPIRED),
    **dict.fromkeys(("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"), _UNKNOWN),
    **dict.fromkeys(("AuthFailure", "InvalidToken", "MissingAuthenticationToken", "IncompleteSignature"), _UNKNOWN),
    **dict.fromkeys(("RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"), (None, _CLOCK)),
    **dict.fromkeys(
        ("SignatureDoesNotMatch", "InvalidSignatureException"),
        ("the secret key does not belong to the access key", KEYS),
    ),
    **dict.fromkeys(
        ("OptInRequired", "SubscriptionRequiredException", "RegionDisabledException", "AccountNotSignedUp"),
        (None, "finish signing up the account, or enable the region: AWS console, Account, AWS Regions"),
    ),
    **dict.fromkeys(
        ("LimitExceeded", "LimitExceededException", "ServiceQuotaExceededException", "TooManyBuckets"),
        (None, "ask for more: AWS console, Service Quotas"),
    ),
    **dict.fromkeys(
        ("ResourceNotFoundException", "NoSuchBucket", "ParameterNotFound", "NotFoundException"),
        (
            None,
            "is the stage deployed in this account and region? If not: `make deploy`",
        ),
    ),
}
_RIGHTS = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "NotAuthorized"}
_RIGHTS |= {"AuthorizationErrorException", "UnauthorizedException", "403", "Forbidden", "AccessDeniedFault"}
_BUSY = re.compile(r"Throttl|TooManyRequests|RequestLimitExceeded|SlowDown|ServiceUnavailable|Internal|^5\d\d$|Busy")
_ACTION = re.compile(r"not authorized to perform:? \[?([\w-]+:\w+)")
_RESOURCE = re.compile(r"on resource:? (\S+)")
_OUT_OF_TIME = re.compile(r"Signature (expired|not yet current)|is now earlier than|is still later than")
_DENIED = re.compile(r"explicit deny(?: in an? ([\w -]+?))?(?=[.\s]*$|\s*:)")


def obstacle(error: BaseException) -> Obstacle:
    """For any of OBSTACLES, and for a ValueError that boto3 raises about a setting."""
    match error:
        case ClientError():
            return _refused(error)
        case Boto3Error() | UnavailableError():
            below = _below(error)  # what an upload and a table hide
            return obstacle(below) if below else Obstacle(line(error), _LATER)
        case aws.ProfileNotFound():
            there = ", ".join(botocore.session.Session().available_profiles) or "none"
            return Obstacle(line(error), f"export AWS_PROFILE to one of: {there}; or `aws configure`")
        case aws.ConnectionError() | aws.HTTPClientError():
            return _unreached(error)
        case OSError():
            return _of_this_machine(error)
        case subprocess.CalledProcessError():
            return _ended_badly(error)
    for kinds, wrong, remedy in _KINDS:
        if isinstance(error, kinds):
            return Obstacle(wrong or line(error), remedy)
    return Obstacle(line(error), _FILES)


def line(error: BaseException) -> str:
    """An error's message, in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def missing_rights(texts: Sequence[str]) -> Iterator[str]:
    """The actions that an AWS message says are denied, each once: CloudFormation hides them in its reasons."""
    yield from dict.fromkeys(action for text in texts for action in _ACTION.findall(text))


def _below(error: BaseException) -> BaseException | None:
    """What AWS or botocore said, underneath our own wrapping."""
    below = error.__context__
    while below is not None and not isinstance(below, ClientError | BotoCoreError):
        below = below.__context__
    return below


def _refused(error: ClientError) -> Obstacle:
    told = error.response.get("Error", {})
    code, message = told.get("Code", ""), told.get("Message") or ""
    if _OUT_OF_TIME.search(message):
        return Obstacle(f"this machine's clock is wrong: {message}", _CLOCK)
    if code in _CODES:
        wrong, remedy = _CODES[code]
        return Obstacle(wrong or line(error), remedy)
    if code in _RIGHTS or _ACTION.search(message):
        return _not_allowed(error, message)
    return Obstacle(line(error), _LATER if _BUSY.search(code) else "see what AWS says above; nothing else is known")


def _not_allowed(error: ClientError, message: str) -> Obstacle:
    action, resource = _ACTION.search(message), _RESOURCE.search(message)
    what = action[1] if action else f"the call {error.operation_name}"
    where = f" on {resource[1]}" if resource else ""
    wrong = f"these credentials have no right to {what}{where}"
    if denied := _DENIED.search(message):
        by = denied[1] or "policy"
        return Obstacle(f"{wrong}: {by} denies it", f"whoever keeps the account has to change that {by}")
    return Obstacle(wrong, RIGHTS)


def _unreached(error: BotoCoreError) -> Obstacle:
    if "Invalid header value" in str(error):  # its text holds the key
        return Obstacle("the AWS keys hold a space or the end of a line", "export them again, without it")
    if own := os.environ.get("AWS_ENDPOINT_URL"):
        return Obstacle(line(error), f"AWS_ENDPOINT_URL leads to {own}: start what should answer there, or unset it")
    session = boto3.Session()
    known = [one for part in session.get_available_partitions() for one in session.get_available_regions("sts", part)]
    if (region := session.region_name) and region not in known:
        near = get_close_matches(region, known, n=1)
        meant = f": did you mean {near[0]}?" if near else ""
        return Obstacle(f"AWS has no region {region} that this SDK knows", f"export AWS_REGION=<yours>{meant}")
    return Obstacle(line(error), _NETWORK)


def _of_this_machine(error: OSError) -> Obstacle:
    remedies = {
        errno.ENOENT: "is what is named there? It may stand in an AWS_* variable, else `make setup` makes it",
        errno.ENOSPC: "make room on this disk: `make clean` removes build/ and .venv",
        errno.EDQUOT: "make room: your quota of this disk is used up",
        errno.EACCES: "are the files of this checkout yours? A run as root may have left some of its own",
        errno.EROFS: "work in a checkout that can be written to",
        errno.EMFILE: "allow more open files: `ulimit -n 1024`",
    }
    return Obstacle(line(error), remedies.get(error.errno or 0, _FILES))


def _ended_badly(error: subprocess.CalledProcessError) -> Obstacle:
    command = error.cmd if isinstance(error.cmd, str) else " ".join(str(part) for part in error.cmd[:3])
    said = error.stderr.decode(errors="replace") if isinstance(error.stderr, bytes) else str(error.stderr or "")
    last = next((text for text in reversed(said.splitlines()) if text.strip()), "").strip()
    return Obstacle(
        f"{command} ended with {error.returncode}{': ' * bool(last)}{last}", "see what it says; `make setup`"
    )
