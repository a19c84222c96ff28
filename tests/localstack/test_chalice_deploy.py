"""`chalice deploy` run to its end, and the REST API that it made called. For a backend with `ImportRestApi`, which the
embedded emulator lacks: LocalStack, or an empty AWS account. Not a part of `make test`; docs/operations.md says how:

AWS_ENDPOINT_URL=http://127.0.0.1:4566 make test TESTS=tests/localstack
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests

from chalicelib.accounts.api_keys import Scope, create_key
from chalicelib.manifest import CONSUMERS
from infra.account import Account
from infra.paths import ROOT
from infra.stage_keys import ensure_keys
from infra.stages import environment_of
from tests.integration.conftest import TABLES, create
from tests.ministack import ministack
from tests.processes import new_process

STAGE = "local"  # the one without a layer: a community LocalStack has none


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is deployed, with no memory of earlier deployments."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("chalicelib", ".chalice", "vendor"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("deployed", "__pycache__"))
    for name in ("app.py", "requirements.txt"):
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def address(project: Path) -> Iterator[str]:
    """Where the deployed API answers."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        pytest.skip("AWS_ENDPOINT_URL names no LocalStack")
    with ministack() as websockets:  # LocalStack cannot deploy an API of them
        elsewhere = {"AWS_ENDPOINT_URL_APIGATEWAYV2": websockets}
        chalice(project, "deploy", elsewhere)
        remembered = json.loads((project / ".chalice" / "deployed" / f"{STAGE}.json").read_text())
        [api] = [one["rest_api_id"] for one in remembered["resources"] if one["name"] == "rest_api"]
        yield f"{endpoint}/_aws/execute-api/{api}/api"
        chalice(project, "delete", elsewhere)


def chalice(project: Path, verb: str, elsewhere: Mapping[str, str]) -> None:
    """As a person types it."""
    program = Path(sys.executable).with_name("chalice")
    subprocess.run([program, verb, "--stage", STAGE], cwd=project, check=True, env={**os.environ, **elsewhere})


@pytest.fixture(scope="module")
def key(address: str) -> Iterator[str]:
    """A key that may do everything, with the tables and queues of the stage under it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment_of(STAGE).items():
            patch.setenv(name, value)
        new_process()
        for table in TABLES:
            create(table)
        sqs = boto3.client("sqs")
        for queue in CONSUMERS:
            sqs.create_queue(QueueName=f"vestnik-{STAGE}-{queue}")
        ensure_keys(Account(boto3.Session()), STAGE)
        yield create_key("localstack", list(Scope))
        new_process()


def call(method: str, url: str, key: str = "", body: Any = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return requests.request(method, url, json=body, headers=headers, timeout=60)


def test_the_deployed_api_is_alive_and_says_what_it_can(address: str) -> None:
    assert call("GET", f"{address}/healthz").json() == {"status": "ok", "stage": STAGE}
    assert "/v1/notifications" in call("GET", f"{address}/openapi.json").json()["paths"]


def test_a_call_without_a_key_is_refused_in_our_own_words(address: str) -> None:
    answer = call("POST", f"{address}/v1/notifications", body={})
    assert answer.status_code == 401
    assert answer.headers["Content-Type"].startswith("application/problem+json")


def test_a_notification_is_taken_recorded_and_queued(address: str, key: str) -> None:
    body = {
        "template": "password-reset",
        "recipients": [{"email": "guest@viewers.example", "locale": "en"}],
        "context": {"reset_url": "https://cinema.example/reset/3", "valid_minutes": 30},
    }
    answer = call("POST", f"{address}/v1/notifications", key, body)
    assert answer.status_code == 202, answer.text
    [notification] = answer.json()["notifications"]
    found = call("GET", f"{address}/v1/notifications/{notification['id']}", key)
    assert found.json()["status"] == "accepted"
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=f"vestnik-{STAGE}-enrich-instant")["QueueUrl"]
    [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    assert notification["id"] in message["Body"]
