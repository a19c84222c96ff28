"""What a failed write of PynamoDB was: its condition, or DynamoDB itself."""

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, ReadTimeoutError
from pynamodb.exceptions import UpdateError

from chalicelib.storage.dynamodb import condition_failed


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "UpdateItem")


def test_a_refused_condition_is_known() -> None:
    assert condition_failed(UpdateError(cause=refused("ConditionalCheckFailedException")))


@pytest.mark.parametrize(
    "cause",
    [
        refused("ThrottlingException"),
        ConnectionClosedError(endpoint_url="https://dynamodb.example"),
        ReadTimeoutError(endpoint_url="https://dynamodb.example"),
        EndpointConnectionError(endpoint_url="https://dynamodb.example"),
        None,
    ],
    ids=lambda cause: type(cause).__name__,
)
def test_a_database_that_did_not_answer_refused_no_condition(cause: Exception | None) -> None:
    assert not condition_failed(UpdateError(cause=cause))
