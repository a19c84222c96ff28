"""`make deploy STAGE=dev` on an empty LocalStack as it is: both stacks, a registration, the letter, its short link, the
same deployment again, and `make destroy`. Not a part of `make test`; docs/operations.md says how:

AWS_ENDPOINT_URL=http://127.0.0.1:4566 make test TESTS=tests/localstack
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
import requests

from chalicelib.accounts.api_keys import Scope, create_key
from infra import deploy, destroy
from infra.account import Account
from infra.acting import act_in, find_addresses
from infra.addresses import with_addresses
from infra.settings_checkup import SettingsCheckup
from infra.stages import environment_of
from tests.e2e.conftest import eventually
from tests.processes import new_process

STAGE = "dev"
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/141.0 Safari/537.36"}  # a machine confirms nothing
SENDER = "cinema.example"


@dataclass(frozen=True)
class Deployed:
    """The stage as its callers see it."""

    address: str
    key: str

    def call(self, method: str, path: str, body: Any = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else BROWSER
        return requests.request(
            method, self.address + path, json=body, headers=headers, timeout=60, allow_redirects=False
        )


@pytest.fixture(scope="module")
def account() -> Account:
    if "AWS_ENDPOINT_URL" not in os.environ:
        pytest.skip("AWS_ENDPOINT_URL names no LocalStack")
    return Account()


@pytest.fixture(scope="module")
def stage(account: Account) -> Iterator[Deployed]:
    """Deployed by the command, and taken away by the other."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment_of(STAGE).items():
            patch.setenv(name, value)
        assert deploy.main(["--stage", STAGE]) == 0
        act_in(STAGE)
        find_addresses(account)
        verify(SENDER)
        api = account.outputs(f"vestnik-{STAGE}-app")["RestApiId"]
        new_process()
        key = create_key("localstack", list(Scope))
        yield Deployed(f"{os.environ['AWS_ENDPOINT_URL']}/_aws/execute-api/{api}/api", key)
        new_process()
    assert destroy.main(["--stage", STAGE, "--yes"]) == 0
    assert left(account) == []


def verify(sender: str) -> None:
    """LocalStack takes letters of known senders alone; it asks nobody whether they are."""
    ses = boto3.client("sesv2")
    with suppress(ses.exceptions.AlreadyExistsException):
        ses.create_email_identity(EmailIdentity=sender)


def left(account: Account) -> list[str]:
    """What a stage that is gone has left behind."""
    pages = account.cloudformation.get_paginator("list_stacks").paginate()
    stacks = [one for page in pages for one in page["StackSummaries"] if one["StackStatus"] != "DELETE_COMPLETE"]
    found = [
        *(one["StackName"] for one in stacks),
        *account.dynamodb.list_tables()["TableNames"],
        *(one["FunctionName"] for one in account.lambdas.list_functions()["Functions"]),
        *(one["name"] for one in account.rest_apis.get_rest_apis()["items"]),
        *(one["Name"] for one in account.s3.list_buckets()["Buckets"]),
        *(one["Name"] for one in account.ssm.describe_parameters()["Parameters"]),
        *(one["logGroupName"] for one in account.logs.describe_log_groups()["logGroups"]),
        *boto3.client("sqs").list_queues().get("QueueUrls", []),
        *(one["RoleName"] for one in boto3.client("iam").list_roles()["Roles"]),
        *(one["AlarmName"] for one in boto3.client("cloudwatch").describe_alarms()["MetricAlarms"]),
    ]
    return [name for name in found if f"vestnik-{STAGE}" in name or f"/vestnik/{STAGE}" in name]


def test_the_deployed_api_is_alive(stage: Deployed) -> None:
    assert stage.call("GET", "/healthz").json() == {"status": "ok", "stage": STAGE}


def test_every_function_has_every_variable_of_the_stage(account: Account, stage: Deployed) -> None:
    assert list(SettingsCheckup(with_addresses(environment_of(STAGE), account)).check()) == []


def test_a_registration_becomes_a_letter_and_its_link_confirms_the_address(stage: Deployed) -> None:
    user = {"id": f"u-{uuid.uuid4().hex[:12]}", "email": "guest@viewers.example", "name": "Mira", "locale": "en"}
    event = {"type": "user.registered", "id": f"registered-{user['id']}", "user": user}
    answer = stage.call("POST", "/v1/events", event)
    assert answer.status_code == 202, answer.text

    [letter] = eventually(lambda: sent(stage, user["id"]))

    assert letter["template"] == "welcome"
    assert not stage.call("GET", f"/v1/users/{user['id']}").json()["email_confirmed"]
    [code] = eventually(lambda: codes_of(user["id"]))
    visit = Deployed(stage.address, key="").call("GET", f"/s/{code}")
    assert (visit.status_code, visit.headers["Location"]) == (302, "https://cinema.example")
    assert stage.call("GET", f"/v1/users/{user['id']}").json()["email_confirmed"]


def sent(stage: Deployed, user: str) -> list[dict[str, Any]]:
    listed = stage.call("GET", f"/v1/users/{user}/notifications").json().get("notifications", [])
    return [one for one in listed if one["status"] == "sent"]


def codes_of(user: str) -> list[str]:
    """A letter's own text is told by no call of LocalStack's."""
    found = boto3.client("dynamodb").query(
        TableName=f"vestnik-{STAGE}-links",
        IndexName="by-user",
        KeyConditionExpression="user_id = :user",
        ExpressionAttributeValues={":user": {"S": user}},
    )
    return [one["code"]["S"] for one in found["Items"]]


def test_the_same_deployment_again_changes_nothing(stage: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    assert deploy.main(["--stage", STAGE]) == 0
    told = capsys.readouterr().out
    assert f"vestnik-{STAGE}-infra: is already so" in told
    assert f"vestnik-{STAGE}-app: is already so" in told
