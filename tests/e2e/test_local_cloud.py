"""The local cloud itself: what `make run` promises."""

import json
import subprocess

import boto3
import pytest

from infra.local.children import ACCOUNT, REGION
from infra.local.cloud import LocalCloud
from infra.local.run import welcome
from tests.e2e.conftest import Vestnik, eventually

pytestmark = pytest.mark.e2e


def test_an_instant_letter_goes_from_the_call_to_the_mailbox(vestnik: Vestnik) -> None:
    vestnik.call("PUT", "/v1/users/mira", {"email": "mira@viewers.example", "name": "Mira", "locale": "en"})
    body = {
        "template": "password-reset",
        "recipients": [{"user_id": "mira"}],
        "context": {"reset_url": "https://cinema.example/reset/1", "valid_minutes": 30},
    }
    answer = vestnik.call("POST", "/v1/notifications", body)
    assert answer.status_code == 202, answer.text
    letters = eventually(lambda: vestnik.letters("mira@viewers.example"))
    assert "https://cinema.example/reset/1" in letters[0]["html"]


def test_the_line_to_paste_sends_a_letter(vestnik: Vestnik) -> None:
    anna = {"email": "anna@paste.example", "name": "Анна", "locale": "ru"}  # of the demo people
    vestnik.call("PUT", "/v1/users/anna", anna)
    text = welcome(vestnik.cloud, vestnik.api_key, 1.0)
    line = text[text.index("curl ") : text.index("Ctrl-C")]
    answer = json.loads(subprocess.run(["sh", "-c", line], capture_output=True, check=True).stdout)
    assert answer["notifications"][0]["status"] == "accepted"
    eventually(lambda: vestnik.letters("anna@paste.example"))


def test_a_message_that_nobody_can_read_ends_in_the_dead_letters(cloud: LocalCloud) -> None:
    sqs = cloud.account.session.client("sqs", endpoint_url=cloud.emulator_url)
    queue, dead_letters = (
        sqs.get_queue_url(QueueName=f"vestnik-local-feedback{suffix}")["QueueUrl"] for suffix in ("", "-dlq")
    )
    before = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "1"})  # a try follows the last at once
    try:
        sqs.send_message(QueueUrl=queue, MessageBody="not an event at all")
        found = eventually(lambda: sqs.receive_message(QueueUrl=dead_letters, WaitTimeSeconds=1).get("Messages"))
    finally:
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=before)
    assert found[0]["Body"] == "not an event at all"


def test_a_worker_may_not_touch_what_is_not_its_business(cloud: LocalCloud) -> None:
    root = cloud.account.session
    sts = root.client("sts", endpoint_url=cloud.emulator_url)
    role = f"arn:aws:iam::{ACCOUNT}:role/vestnik-local-feedback-{REGION}"
    worker = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    session = boto3.Session(
        worker["AccessKeyId"], worker["SecretAccessKey"], worker["SessionToken"], region_name=REGION
    )
    dynamodb = session.client("dynamodb", endpoint_url=cloud.emulator_url)
    with pytest.raises(dynamodb.exceptions.ClientError, match="AccessDenied"):
        dynamodb.get_item(TableName="vestnik-local-api-keys", Key={"key_id": {"S": "any"}})


def test_the_same_key_comes_back_from_every_seeding(vestnik: Vestnik, cloud: LocalCloud) -> None:
    assert cloud.seed() == vestnik.api_key


def test_deploying_again_changes_nothing(cloud: LocalCloud) -> None:
    stacks = cloud.account.cloudformation.describe_stacks
    before = json.dumps(stacks()["Stacks"], default=str)
    cloud.deploy()
    assert json.dumps(stacks()["Stacks"], default=str) == before
