"""What AWS's errors mean: a word for each, and an absence only where there is one."""

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from chalicelib.aws_session import failure_of
from chalicelib.errors import InvalidError, MisconfiguredError, TooLargeError, UnavailableError
from chalicelib.http_errors import status_of
from chalicelib.storage.dynamodb import reaching_dynamodb


def error(code: str, message: str = "", *reasons: str) -> ClientError:
    answer = {"Error": {"Code": code, "Message": message}, "CancellationReasons": [{"Code": one} for one in reasons]}
    return ClientError(answer, "Call")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("failure", "kind", "status"),
    [
        (error("ValidationException", "The provided starting key is invalid"), InvalidError, 422),
        (error("ValidationException", "Item size has exceeded the maximum allowed size"), TooLargeError, 413),
        (error("ItemCollectionSizeLimitExceededException"), TooLargeError, 413),
        (error("TransactionCanceledException", "", "None", "ValidationError"), InvalidError, 422),
        (error("TransactionCanceledException", "", "ThrottlingError"), UnavailableError, 503),
        (error("TransactionCanceledException", "", "TransactionConflict"), UnavailableError, 503),
        (error("AccessDeniedException"), MisconfiguredError, 500),
        (error("ResourceNotFoundException"), MisconfiguredError, 500),
        (error("AWS.SimpleQueueService.NonExistentQueue"), UnavailableError, 503),
        (error("InvalidMessageContents"), InvalidError, 422),
        (error("BatchRequestTooLong"), TooLargeError, 413),
        (error("ParameterNotFound"), MisconfiguredError, 500),
        (error("NoSuchBucket"), MisconfiguredError, 500),
        (error("ProvisionedThroughputExceededException"), UnavailableError, 503),
        (error("ThrottlingException"), UnavailableError, 503),
        (error("SlowDown"), UnavailableError, 503),
        (error("InternalServerError"), UnavailableError, 503),
        (error("ServiceUnavailable"), UnavailableError, 503),
        (error("a word of next year"), UnavailableError, 503),
        (ParamValidationError(report="anna@example.com"), InvalidError, 422),
        (NoCredentialsError(), MisconfiguredError, 500),
        (ConnectTimeoutError(endpoint_url="x"), UnavailableError, 503),
        (ReadTimeoutError(endpoint_url="x"), UnavailableError, 503),
        (EndpointConnectionError(endpoint_url="x"), UnavailableError, 503),
    ],
    ids=str,
)
def test_an_error_of_aws_is_taken_for_what_it_is(failure: Exception, kind: type[Exception], status: int) -> None:
    """Promise G3: bad input is told from a mistake of the deployment, and both from an absence."""
    told = failure_of(failure, "the database did not answer")

    assert type(told) is kind
    assert status_of(told) == status
    assert "anna@" not in str(told)


def test_a_table_that_this_stage_lacks_is_a_mistake_of_the_deployment() -> None:
    with pytest.raises(MisconfiguredError, match="the database did not answer"), reaching_dynamodb():
        raise error("ResourceNotFoundException")
