"""The queues outlive their stack with what waits in them, and the next stack takes them in."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from infra.account import Account
from infra.artifact_bucket import empty
from infra.planning import StackInputs
from infra.stacks import delete_stack, deploy_stack, plan_stack
from infra.taken_in import TakingIn, delete_queues, taking_in

NAME = "vestnik-kept-infra"
BUCKET = "vestnik-kept-media-${AWS::AccountId}-${AWS::Region}"
KEPT = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}


def queue(name: str, **more: Any) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", **KEPT, "Properties": {"QueueName": f"vestnik-kept-{name}", **more}}


def template() -> str:
    redrive = {"deadLetterTargetArn": {"Fn::GetAtt": ["DeadLetters", "Arn"]}, "maxReceiveCount": 5}
    resources = {
        "Queue": queue("fanout", VisibilityTimeout=77, RedrivePolicy=redrive),
        "DeadLetters": queue("fanout-dlq"),
        "Pictures": {"Type": "AWS::S3::Bucket", **KEPT, "Properties": {"BucketName": {"Fn::Sub": BUCKET}}},
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {}},
    }
    return json.dumps({"Resources": resources})


def deploy(account: Account, text: str) -> None:
    url = account.upload_text(account.artifact_bucket("try"), "kept", text)
    deploy_stack(account.cloudformation, NAME, template=text, template_url=url, parameters={})


@pytest.fixture
def sqs(account: Account) -> Iterator[Any]:
    yield account.session.client("sqs", endpoint_url=account.endpoint_url)
    delete_stack(account.cloudformation, NAME)
    delete_queues(account, "kept")
    bucket = f"vestnik-kept-media-{account.number}-{account.region}"
    if empty(account.s3, bucket):
        account.s3.delete_bucket(Bucket=bucket)


def planned(account: Account) -> TakingIn | None:
    url = account.upload_text(account.artifact_bucket("try"), "kept", template())
    inputs = StackInputs(name=NAME, template=template(), template_url=url, parameters={})
    return taking_in(account, inputs, plan=partial(plan_stack, account.cloudformation))


def test_what_waits_in_a_queue_is_there_in_the_next_stack_and_nothing_is_done_before_the_yes(
    account: Account, sqs: Any
) -> None:
    deploy(account, template())
    url = sqs.get_queue_url(QueueName="vestnik-kept-fanout")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="a letter")
    bucket = f"vestnik-kept-media-{account.number}-{account.region}"
    account.s3.put_object(Bucket=bucket, Key="media/one.png", Body=b"a picture")
    delete_stack(account.cloudformation, NAME)

    plan = planned(account)
    assert plan
    assert plan.lines == [
        "2 queues and the bucket of pictures are taken in again, with what is in them:",
        "+ Topic (AWS::SNS::Topic)",
        "< Pictures (AWS::S3::Bucket): is taken in as it is",
        "< 2 × AWS::SQS::Queue (DeadLetters, Queue): is taken in as it is",
        "= 1 new, 3 taken in",
    ]
    plan.drop()
    assert not account.has_stack(NAME)
    plan.execute()

    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "a letter"
    assert account.s3.get_object(Bucket=bucket, Key="media/one.png")["Body"].read() == b"a picture"
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "77"
    stack = account.cloudformation.describe_stack_resources(StackName=NAME)["StackResources"]
    assert {one["LogicalResourceId"] for one in stack} == {"Queue", "DeadLetters", "Pictures", "Topic"}


def test_a_stack_that_is_there_takes_nothing_in(account: Account, sqs: Any) -> None:
    deploy(account, template())
    assert planned(account) is None


def test_a_first_deployment_finds_nothing_to_take_in(account: Account, sqs: Any) -> None:
    assert planned(account) is None


def test_with_its_data_a_stage_leaves_no_queue(account: Account, sqs: Any) -> None:
    deploy(account, template())
    delete_stack(account.cloudformation, NAME)
    delete_queues(account, "kept")
    assert not sqs.list_queues(QueueNamePrefix="vestnik-kept").get("QueueUrls")
