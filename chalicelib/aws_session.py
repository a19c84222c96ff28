"""The process's one AWS session, which makes every client, and the translation of AWS errors into ours.

It is botocore's and not boto3's: the clients are the same, and a cold start saves the import of boto3's resources,
transfers and documentation, and a second reading of region and service files (ADR 0028).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    UnknownServiceError,
)

from chalicelib.errors import InvalidError, MisconfiguredError, Phrase, TooLargeError, UnavailableError, VestnikError

# A fixed name is used in each request as it is; botocore would assemble its own for every one.
_EVERY_CLIENT = Config(user_agent="vestnik")


_made: list[Any] = []  # every client of this process


class _Session(botocore.session.Session):
    def create_client(self, *what: Any, **how: Any) -> Any:
        """Overrides botocore's."""
        client = super().create_client(*what, **how)
        _made.append(client)
        return client


@cache
def session() -> botocore.session.Session:
    """The session, with the credentials and the region of the environment."""
    made = _Session()
    made.set_default_client_config(_EVERY_CLIENT)
    return made


def hang_up() -> None:
    """Closes every connection to AWS; clients open new ones when they are used."""
    for client in _made:
        client.close()


# By AWS's own word (DynamoDB "Error handling", SQS, S3, SNS and SSM "Common errors"; the references of each call).
# Whatever is in no list may pass: throttling, a transaction conflict, a failure inside AWS.
_BAD_INPUT = frozenset(
    {
        *("ValidationException", "ValidationError", "SerializationException", "InvalidParameter"),
        *("InvalidParameterValue", "InvalidParameterException", "InvalidParameterValueException"),
        *("InvalidMessageContents", "AWS.SimpleQueueService.InvalidMessageContents", "InvalidAttributeValue"),
        *("ReceiptHandleIsInvalid", "InvalidIdFormat", "InvalidBatchEntryId", "KeyTooLongError", "InvalidRequest"),
    }
)
_TOO_LARGE = frozenset(
    {
        *("ItemCollectionSizeLimitExceededException", "ItemCollectionSizeLimitExceeded", "RequestEntityTooLarge"),
        *("BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", "MessageTooLong", "EntityTooLarge"),
    }
)
_MISCONFIGURED = frozenset(
    {
        *("AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException"),
        *("UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId", "MissingAuthenticationToken"),
        *("InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignature", "NotAuthorized"),
        *("ResourceNotFoundException", "NoSuchBucket", "ParameterNotFound", "NotFound", "NotFoundException"),
        *("InvalidKeyId", "KMSAccessDeniedException", "OptInRequired", "ResourceNotFound"),
    }
)
_ITEM_TOO_LARGE = (
    "Item size",
    "item size",
)  # DynamoDB: a ValidationException that differs from others only in its text


def failure_of(error: Exception, what: str) -> VestnikError:
    """Our error for an AWS error: InvalidError or TooLargeError (permanent) for what AWS cannot take,
    MisconfiguredError (retryable once the deployment is fixed) where it refuses the service itself, otherwise
    UnavailableError (retryable). `what` describes the last, such as `the queue did not answer`."""
    if isinstance(error, ParamValidationError):
        return InvalidError(Phrase("a value cannot be stored or looked up"))
    if isinstance(error, NoCredentialsError | NoRegionError | UnknownServiceError):
        return MisconfiguredError(f"{what} ({type(error).__name__})")
    if not isinstance(error, ClientError):
        return UnavailableError(f"{what} ({type(error).__name__})")
    answer: Mapping[str, Any] = error.response
    told = answer.get("Error", {})
    codes = [str(told.get("Code", "")), *(str(one.get("Code")) for one in answer.get("CancellationReasons", ()))]
    large = any(words in str(told.get("Message", "")) for words in _ITEM_TOO_LARGE)
    for code in codes:
        if code in _TOO_LARGE or (code in _BAD_INPUT and large):
            return TooLargeError(Phrase("this is too large to be stored"))
        if code in _BAD_INPUT:
            return InvalidError(Phrase("a value cannot be stored or looked up"))
        if code in _MISCONFIGURED:
            return MisconfiguredError(f"{what} ({code})")
    return UnavailableError(f"{what} ({codes[0] or type(error).__name__})")


FAILURES = (BotoCoreError, ClientError)


@contextmanager
def reaching(what: str) -> Iterator[None]:
    """Turns AWS's errors into ours, as `failure_of` does."""
    try:
        yield
    except FAILURES as error:
        raise failure_of(error, what) from error
