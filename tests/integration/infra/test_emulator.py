"""The emulator does as AWS where our code would notice."""

import io
import json
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from infra.account import Account
from tests.ministack import ministack

CODE = """
import json, os
def handler(event, context):
    with open(os.environ["SEEN"], "a") as seen:
        seen.write(f"{len(event['Records'])}\\n")
"""
LIMIT_SECONDS = 30


def zipped(code: str) -> bytes:
    """A function's package."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(zipfile.ZipInfo("seen.py"), code)  # the same code gives the same bytes
    return content.getvalue()


def make_function(lambdas: Any, name: str, code: str, **variables: str) -> str:
    """Its ARN."""
    made = lambdas.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role="arn:aws:iam::000000000000:role/any",
        Handler="seen.handler",
        Code={"ZipFile": zipped(code)},
        Environment={"Variables": variables},
    )
    return str(made["FunctionArn"])


@pytest.mark.parametrize(("batch_size", "window", "batches"), [(40, 1, [40, 20]), (10, 0, [10] * 6)])
def test_a_batch_is_as_large_as_its_mapping_says(
    tmp_path: Path, batch_size: int, window: int, batches: list[int]
) -> None:
    seen = tmp_path / "seen"
    with ministack() as url:
        options: dict[str, Any] = {"endpoint_url": url, "region_name": "us-east-1"}
        options |= {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        sqs, lambdas = boto3.client("sqs", **options), boto3.client("lambda", **options)
        queue = sqs.create_queue(QueueName="q")["QueueUrl"]
        for start in range(0, 60, 10):
            entries: Any = [{"Id": str(n), "MessageBody": json.dumps(n)} for n in range(start, start + 10)]
            sqs.send_message_batch(QueueUrl=queue, Entries=entries)
        make_function(lambdas, "seen", CODE, SEEN=str(seen))
        lambdas.create_event_source_mapping(
            EventSourceArn="arn:aws:sqs:us-east-1:000000000000:q",
            FunctionName="seen",
            BatchSize=batch_size,
            MaximumBatchingWindowInSeconds=window,
        )
        deadline = time.monotonic() + LIMIT_SECONDS
        while sum(sizes := [int(n) for n in seen.read_text().split()] if seen.exists() else []) < 60:
            assert time.monotonic() < deadline, sizes
            time.sleep(0.1)
    assert sizes == batches


WHERE = """
import os
def handler(event, context):
    return os.path.realpath(__file__)
"""


def test_workers_of_one_package_run_one_copy_of_it_and_a_changed_package_is_another(account: Account) -> None:
    codes = {"first": WHERE, "second": WHERE, "changed": f"{WHERE}# changed"}
    places = {}
    for name, code in codes.items():
        make_function(account.lambdas, name, code)
        places[name] = json.loads(account.lambdas.invoke(FunctionName=name)["Payload"].read())
        account.lambdas.delete_function(FunctionName=name)
    assert places["first"] == places["second"] != places["changed"]
    assert places["first"].endswith("seen.py")


INVOKED = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/{arn}/invocations"
CLOSER = """
import os, urllib.request
def handler(event, context):
    of = event["requestContext"]
    if of["eventType"] == "MESSAGE":
        with open(os.environ["SEEN"], "a") as seen:
            seen.write(event["body"] + " ")
        url = f"{os.environ['AT']}/_aws/execute-api/{of['apiId']}/{of['stage']}/@connections/{of['connectionId']}"
        urllib.request.urlopen(urllib.request.Request(url, method="DELETE"))
    return {"statusCode": 200}
"""


@pytest.fixture
def closes_at_a_frame(account: Account, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of an API whose connections are closed at their first frame, and the file of the frames that came."""
    seen = tmp_path / "seen"
    arn = make_function(account.lambdas, "closer", CLOSER, SEEN=str(seen), AT=str(account.endpoint_url))
    apis = account.session.client("apigatewayv2", endpoint_url=account.endpoint_url)
    api = apis.create_api(Name="closes", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")[
        "ApiId"
    ]
    uri = INVOKED.format(arn=arn)
    integration = apis.create_integration(ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=uri)["IntegrationId"]
    for route in ("$connect", "$default"):
        apis.create_route(ApiId=api, RouteKey=route, Target=f"integrations/{integration}")
    apis.create_stage(ApiId=api, StageName="api", AutoDeploy=True)
    yield f"{account.endpoint_url}/_aws/execute-api/{api}/api".replace("http", "ws", 1), seen
    apis.delete_api(ApiId=api)
    account.lambdas.delete_function(FunctionName="closer")


def test_a_closed_connection_takes_no_more_frames_however_many_it_has_sent(
    closes_at_a_frame: tuple[str, Path],
) -> None:
    url, seen = closes_at_a_frame
    with connect(url, open_timeout=LIMIT_SECONDS) as socket:
        for number in range(100):
            socket.send(str(number))
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=LIMIT_SECONDS)
    assert seen.read_text().split() == ["0"]
