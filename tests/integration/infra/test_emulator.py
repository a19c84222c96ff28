"""The emulator gathers a function's batch as AWS does: up to BatchSize messages, for the mapping's window at most."""

import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import boto3
import pytest

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
        lambdas.create_function(
            FunctionName="seen",
            Runtime="python3.11",
            Role="arn:aws:iam::000000000000:role/any",
            Handler="seen.handler",
            Code={"ZipFile": zipped(CODE)},
            Environment={"Variables": {"SEEN": str(seen)}},
        )
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
        account.lambdas.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role="arn:aws:iam::000000000000:role/any",
            Handler="seen.handler",
            Code={"ZipFile": zipped(code)},
        )
        places[name] = json.loads(account.lambdas.invoke(FunctionName=name)["Payload"].read())
        account.lambdas.delete_function(FunctionName=name)
    assert places["first"] == places["second"] != places["changed"]
    assert places["first"].endswith("seen.py")
