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
        if any(code == "ValidationError" for code, _ in reasons):
            # AWS and the twin cancel a transaction with a write that its item cannot take; moto refuses the request.
            return "ValidationException", [], {}
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


# ---------------------------------------------------------------- what it refuses, as AWS words it

KEY: dict[str, Any] = {"p": {"S": "x"}, "s": {"S": "1"}}
INVALID = "One or more parameter values were invalid: "
REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "a key of too few parts": (
        "GetItem",
        {"Key": {"p": {"S": "x"}}},
        "The provided key element does not match the schema",
    ),
    "an item without its key": (
        "PutItem",
        {"Item": {"p": {"S": "x"}}},
        f"{INVALID}Missing the key s in the item",
    ),
    "a key of another type": (
        "PutItem",
        {"Item": {**KEY, "s": {"N": "1"}}},
        f"{INVALID}Type mismatch for key s expected: S actual: N",
    ),
    "a key of 2 KB": (
        "PutItem",
        {"Item": {**KEY, "p": {"S": "x" * 2049}}},
        f"{INVALID}Size of hashkey has exceeded the maximum size limit of2048 bytes",
    ),
    "a range key of 1 KB": (
        "GetItem",
        {"Key": {**KEY, "s": {"S": "й" * 513}}},
        f"{INVALID}Aggregated size of all range keys has exceeded the size limit of 1024 bytes",
    ),
    "an empty key": (
        "PutItem",
        {"Item": {**KEY, "s": {"S": ""}}},
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty "
        "string value. Key: s",
    ),
    "an index key of another type": (
        "PutItem",
        {"Item": {**KEY, "h": {"S": "1"}}},
        f"{INVALID}Type mismatch for Index Key h Expected: N Actual: S IndexName: by_g",
    ),
    "an item of 400 KB": (
        "PutItem",
        {"Item": {**KEY, "t": {"S": "x" * 409_600}}},
        "Item size has exceeded the maximum allowed size",
    ),
    "an update to 400 KB": (
        "UpdateItem",
        {
            "Key": KEY,
            "UpdateExpression": "SET t = :t",
            "ExpressionAttributeValues": {":t": {"S": "x" * 409_600}},
        },
        "Item size to update has exceeded the maximum allowed size",
    ),
    "an empty set": (
        "PutItem",
        {"Item": {**KEY, "c": {"SS": []}}},
        f"{INVALID}An string set  may not be empty",
    ),
    "39 digits": (
        "PutItem",
        {"Item": {**KEY, "n": {"N": "1" * 39}}},
        "Attempting to store more than 38 significant digits in a Number",
    ),
    "a change of the key": (
        "UpdateItem",
        {"Key": KEY, "UpdateExpression": "SET p = :p", "ExpressionAttributeValues": {":p": {"S": "y"}}},
        f"{INVALID}Cannot update attribute p. This attribute is part of the key",
    ),
    "two changes of one place": (
        "UpdateItem",
        {
            "Key": KEY,
            "UpdateExpression": "SET t = :t, t = :t",
            "ExpressionAttributeValues": {":t": {"S": "y"}},
        },
        "Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of these "
        "paths; path one: [t], path two: [t]",
    ),
    "a sum with nothing": (
        "UpdateItem",
        {"Key": KEY, "UpdateExpression": "SET n = n + :n", "ExpressionAttributeValues": {":n": {"N": "1"}}},
        "The provided expression refers to an attribute that does not exist in the item",
    ),
    "a value that nobody asks for": (
        "UpdateItem",
        {
            "Key": KEY,
            "UpdateExpression": "REMOVE t",
            "ExpressionAttributeValues": {":n": {"N": "1"}},
        },
        "Value provided in ExpressionAttributeValues unused in expressions: keys: {:n}",
    ),
    "a word that is reserved": (
        "DeleteItem",
        {"Key": KEY, "ConditionExpression": "attribute_exists(name)"},
        "Invalid ConditionExpression: Attribute name is a reserved keyword; reserved keyword: name",
    ),
    "a value that is not there": (
        "DeleteItem",
        {"Key": KEY, "ConditionExpression": "t = :t"},
        "Invalid ConditionExpression: An expression attribute value used in expression is not defined; attribute "
        "value: :t",
    ),
    "an index, consistently": (
        "Query",
        {
            "IndexName": "by_h",
            "ConsistentRead": True,
            "KeyConditionExpression": "h = :h",
            "ExpressionAttributeValues": {":h": {"N": "1"}},
        },
        "Consistent reads are not supported on global secondary indexes",
    ),
    "a query without its partition": (
        "Query",
        {"KeyConditionExpression": "s = :s", "ExpressionAttributeValues": {":s": {"S": "1"}}},
        "Query condition missed key schema element: p",
    ),
    "a filter on the key": (
        "Query",
        {
            "KeyConditionExpression": "p = :p",
            "FilterExpression": "s = :p",
            "ExpressionAttributeValues": {":p": {"S": "1"}},
        },
        "Filter Expression can only contain non-primary key attributes: Primary key attribute: s",
    ),
    "bounds the wrong way round": (
        "Query",
        {
            "KeyConditionExpression": "p = :p AND s BETWEEN :b AND :a",
            "ExpressionAttributeValues": {":p": {"S": "x"}, ":a": {"S": "a"}, ":b": {"S": "b"}},
        },
        "Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be greater than or equal to "
        "lower bound; lower bound operand: AttributeValue: {S:b}, upper bound operand: AttributeValue: {S:a}",
    ),
    "a start that is no key": (
        "Query",
        {
            "KeyConditionExpression": "p = :p",
            "ExpressionAttributeValues": {":p": {"S": "x"}},
            "ExclusiveStartKey": {"p": {"S": "x"}},
        },
        "The provided starting key is invalid",
    ),
    "a condition that says nothing": (
        "PutItem",
        {"Item": KEY, "ConditionExpression": "p ="},
        'Invalid ConditionExpression: Syntax error; token: "<EOF>", near: "="',
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_aws_does_not_take_the_twin_refuses_in_its_words(what: str) -> None:
    operation, request, words = REFUSED[what]

    with pytest.raises(ClientError) as refused:
        twin()(operation, {"TableName": TABLE, **request})

    assert refused.value.response["Error"] == {"Code": "ValidationException", "Message": words}


def test_of_a_transaction_all_is_done_or_nothing_and_each_write_is_told_its_reason() -> None:
    call = twin()
    call("PutItem", {"TableName": TABLE, "Item": {**KEY, "n": {"N": "1"}}})
    other = {**KEY, "s": {"S": "2"}}
    writes = [
        {"Put": {"TableName": TABLE, "Item": other}},
        {
            "Update": {
                "TableName": TABLE,
                "Key": KEY,
                "UpdateExpression": "SET t = :t",
                "ConditionExpression": "attribute_not_exists(p)",
                "ExpressionAttributeValues": {":t": {"S": "t"}},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        },
    ]

    with pytest.raises(ClientError) as refused:
        call("TransactWriteItems", {"TransactItems": writes})

    response: Any = refused.value.response
    assert response["Error"] == {
        "Code": "TransactionCanceledException",
        "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons "
        "[None, ConditionalCheckFailed]",
    }
    failed = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
    assert response["CancellationReasons"] == [{"Code": "None"}, {**failed, "Item": {**KEY, "n": {"N": "1"}}}]
    assert call("GetItem", {"TableName": TABLE, "Key": other}) == {}


def test_a_page_ends_at_1_mb_and_a_batch_of_reads_at_16() -> None:
    call = twin()
    keys = [{"p": {"S": "x"}, "s": {"S": f"{n:03}"}} for n in range(60)]
    for key in keys:
        call("PutItem", {"TableName": TABLE, "Item": {**key, "t": {"S": "x" * 300_000}}})
    query = {
        "TableName": TABLE,
        "KeyConditionExpression": "p = :p",
        "ExpressionAttributeValues": {":p": {"S": "x"}},
    }

    page = call("Query", query)
    batch = call("BatchGetItem", {"RequestItems": {TABLE: {"Keys": keys}}})

    assert page["Count"] == 4
    assert page["LastEvaluatedKey"] == keys[3]
    read, left = batch["Responses"][TABLE], batch["UnprocessedKeys"][TABLE]["Keys"]
    assert len(read) == 55
    assert left == keys[55:]
