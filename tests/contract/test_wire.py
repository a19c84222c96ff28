"""`botocore_fast_path.py` says and hears what botocore's own clients of DynamoDB and SES do."""

import json
from collections.abc import Callable
from typing import Any, cast

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.serialize import JSONSerializer

from chalicelib.botocore_fast_path import plain_answers, plain_bodies, plain_requests

ITEM = {
    "id": {"S": "Анна"},
    "n": {"N": "1.50"},
    "none": {"NULL": True},
    "tags": {"SS": ["a", "b"]},
    "deep": {"M": {"list": {"L": [{"BOOL": False}, {"S": ""}]}}},
}
BINARY = {"id": {"S": "1"}, "block": {"B": b"\x00\xff"}}
NAMES = {"#0": "status"}
CALLS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "GetItem": ({"TableName": "t", "Key": {"id": {"S": "1"}}, "ConsistentRead": True}, {"Item": ITEM}),
    "PutItem": ({"TableName": "t", "Item": ITEM}, {"ConsumedCapacity": {"TableName": "t", "CapacityUnits": 1.0}}),
    "Query": ({"TableName": "t", "Limit": 3}, {"Items": [ITEM], "Count": 1, "LastEvaluatedKey": {"id": {"S": "1"}}}),
    "BatchGetItem": (
        {"RequestItems": {"t": {"Keys": [{"id": {"S": "1"}}], "ExpressionAttributeNames": NAMES}}},
        {"Responses": {"t": [ITEM, ITEM]}, "UnprocessedKeys": {}},
    ),
    "TransactWriteItems": (
        {"TransactItems": [{"Update": {"TableName": "t", "Key": {"id": {"S": "1"}}, "UpdateExpression": "SET #0 = :0",
                                       "ExpressionAttributeNames": NAMES}}]},
        {},
    ),
    "BatchExecuteStatement": (
        {"Statements": [{"Statement": "INSERT INTO \"t\" VALUE {'id': ?}", "Parameters": [{"S": "Анна"}]}] * 2},
        {"Responses": [{"TableName": "t"}, {"Error": {"Code": "DuplicateItem", "Message": "no"}, "TableName": "t"}]},
    ),
}  # fmt: skip
LETTER = {"Subject": "Привет {{subject0}}", "Html": "<p>{{html0}}</p>", "Text": "{{text0}}"}
SES_CALLS: dict[str, dict[str, Any]] = {
    "SendEmail": {
        "FromEmailAddress": "a@b.example",
        "Destination": {"ToAddresses": ["anna@example.com"]},
        "Content": {"Simple": {"Subject": {"Data": "Привет", "Charset": "UTF-8"}, "Body": {"Text": {"Data": "x"}}}},
        "EmailTags": [{"Name": "lane", "Value": "instant"}],
    },
    "SendBulkEmail": {
        "FromEmailAddress": "a@b.example",
        "DefaultContent": {"Template": {"TemplateContent": LETTER, "TemplateData": "{}"}},
        "BulkEmailEntries": [
            {
                "Destination": {"ToAddresses": ["anna@example.com"]},
                "ReplacementHeaders": [{"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"}],
                "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": '{"html0": "Анна"}'}},
            }
        ],
    },
}
Heard = dict[str, Any]


def client(
    *, plain: bool, answer: Callable[[], tuple[int, bytes]], service: str = "dynamodb"
) -> tuple[BaseClient, Heard]:
    """A client whose requests go nowhere, and what it sent."""
    heard: Heard = {}

    def send(request: Any, **_: object) -> Any:
        status, body = answer()
        named = ("X-Amz-Target", "Content-Type")
        heard.update(method=request.method, url=request.url, body=json.loads(request.body))
        heard.update({name: request.headers.get(name) for name in named})
        headers: Any = {"Content-Type": "application/x-amz-json-1.0"}
        response: Any = AWSResponse(request.url, status, headers, None)
        response._content = body
        return response

    session = botocore.session.Session()
    session.set_credentials("key", "secret")
    if plain:
        plain_answers(session)
    made: BaseClient = session.create_client(service, "eu-central-1")
    if plain:
        (plain_requests if service == "dynamodb" else plain_bodies)(made)
    made.meta.events.register(f"before-send.{service}", cast(Any, send))
    return made, heard


def both(
    operation: str, request: dict[str, Any], status: int, body: bytes, *, service: str = "dynamodb"
) -> list[tuple[Heard, Any]]:
    """What botocore's client and ours said and heard."""
    results = []
    for plain in (False, True):
        made, heard = client(plain=plain, answer=lambda: (status, body), service=service)
        inside: Any = made
        try:
            answer = inside._make_api_call(operation, request)
        except ClientError as error:
            answer = error.response
        answer["ResponseMetadata"].pop("HTTPHeaders")
        results.append((heard, answer))
    return results


@pytest.mark.parametrize("operation", CALLS)
def test_it_says_and_hears_the_same(operation: str) -> None:
    request, answer = CALLS[operation]
    theirs, ours = both(operation, request, 200, json.dumps(answer).encode())
    assert ours == theirs


@pytest.mark.parametrize("operation", SES_CALLS)
def test_ses_is_asked_the_same(operation: str) -> None:
    theirs, ours = both(operation, SES_CALLS[operation], 200, b'{"MessageId": "1"}', service="sesv2")
    assert ours == theirs
    assert ours[0]["body"] == SES_CALLS[operation]


def test_binary_values_go_botocores_way() -> None:
    theirs, ours = both("PutItem", {"TableName": "t", "Item": BINARY}, 200, b"{}")
    assert ours == theirs
    found = json.dumps({"Item": {"id": {"S": "1"}, "block": {"B": "AP8="}}}).encode()
    theirs, ours = both("GetItem", {"TableName": "t", "Key": {"id": {"S": "1"}}}, 200, found)
    assert ours == theirs
    assert ours[1]["Item"] == BINARY


def test_a_refused_transaction_tells_why() -> None:
    body = {
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "cancelled",
        "CancellationReasons": [{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Item": ITEM, "Message": "no"}],
    }
    theirs, ours = both("TransactWriteItems", CALLS["TransactWriteItems"][0], 400, json.dumps(body).encode())
    assert ours == theirs
    assert ours[1]["CancellationReasons"][1]["Item"] == ITEM


def test_the_walk_along_the_model_is_spared(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = client(plain=True, answer=lambda: (200, b"{}"))

    def walk(*_: object) -> None:
        raise AssertionError("botocore walked through the request")

    monkeypatch.setattr(JSONSerializer, "_serialize_type_map", walk)
    inside: Any = made
    inside._make_api_call("PutItem", CALLS["PutItem"][0])
