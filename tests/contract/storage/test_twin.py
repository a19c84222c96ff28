"""The database in memory answers as moto does; where moto is kinder than AWS, as AWS does."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from tests.contract.storage.requests import REQUESTS, SCHEMA, TABLE
from tests.twin.client import TwinClient
from tests.twin.dynamodb import DynamoDB

Call = Callable[[str, dict[str, Any]], dict[str, Any]]


def twin() -> Call:
    """Requests to a new twin that has the table."""
    made = TwinClient(DynamoDB())
    made._make_api_call("CreateTable", SCHEMA)
    return made._make_api_call


@pytest.fixture
def moto() -> Iterator[Callable[[], Call]]:
    """Requests to moto, with a new table for each that asks."""
    with mock_aws():
        client: Any = boto3.client("dynamodb", region_name="eu-central-1")

        def fresh() -> Call:
            if client.list_tables()["TableNames"]:
                client.delete_table(TableName=TABLE)
            client.create_table(**SCHEMA)
            return lambda operation, request: client._make_api_call(operation, json.loads(json.dumps(request)))

        yield fresh


def told(call: Call, operation: str, request: dict[str, Any]) -> Any:
    """The answer, without what nobody compares; of a refusal, what it is."""
    try:
        if operation in ("Query", "Scan"):
            items = list(pages(call, operation, request))
            return (
                [plain(item) for item in items] if operation == "Query" else sorted(str(plain(item)) for item in items)
            )
        answer = call(operation, request)
    except ClientError as error:
        response: Any = error.response
        reasons = [
            (reason["Code"], plain(reason.get("Item", {}))) for reason in response.get("CancellationReasons", ())
        ]
        return response["Error"]["Code"], reasons, plain(response.get("Item", {}))
    if operation == "BatchGetItem":
        return sorted(str(plain(item)) for item in answer["Responses"][TABLE])
    return plain(answer.get("Attributes") or answer.get("Item") or {})


def pages(call: Call, operation: str, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    start: dict[str, Any] = {}
    for _ in range(100):
        answer = call(operation, {**request, **start})
        yield from answer["Items"]
        if not answer.get("LastEvaluatedKey"):
            return
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
    raise AssertionError("the pages have no end")


def plain(value: Any) -> Any:
    """Sets have no order."""
    if isinstance(value, dict):
        return {name: sorted(one) if name in ("SS", "NS") else plain(one) for name, one in sorted(value.items())}
    return [plain(one) for one in value] if isinstance(value, list) else value


# Not made smaller: moto takes its time, and the operation that differs is told.
@settings(suppress_health_check=list(HealthCheck), max_examples=40, phases=[Phase.generate])
@given(requests=st.lists(REQUESTS, min_size=3, max_size=15))
def test_whatever_is_asked_of_it_the_twin_answers_as_moto_does(
    moto: Callable[[], Call], requests: list[tuple[str, dict[str, Any]]]
) -> None:
    theirs, ours = moto(), twin()
    for operation, request in requests:
        assert told(ours, operation, request) == told(theirs, operation, request), (operation, request)
    everything = ("Scan", {"TableName": TABLE})
    assert told(ours, *everything) == told(theirs, *everything)
