"""Deploying a stack: what would change is shown first, a failure is told and rolled back, data outlives its stack."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from infra.account import Account
from infra.stacks import DeployError, RefusedError, delete_stack, deploy_stack

TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "DeletionPolicy": "RetainExceptOnCreate",
    "UpdateReplacePolicy": "Retain",
    "Properties": {
        "TableName": "vestnik-try-kept",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    },
}


def queue(seconds: int, **more: Any) -> dict[str, Any]:
    properties = {"QueueName": "vestnik-try-queue", "VisibilityTimeout": seconds, **more}
    return {"Type": "AWS::SQS::Queue", "Properties": properties}


def deploy(account: Account, name: str, resources: dict[str, Any], **options: Any) -> bool:
    template = json.dumps({"Resources": resources})
    url = account.upload_text(account.artifact_bucket("try"), name, template)
    return deploy_stack(account.cloudformation, name, template=template, template_url=url, parameters={}, **options)


def visibility(account: Account) -> str:
    sqs = account.session.client("sqs", endpoint_url=account.endpoint_url)
    url = sqs.get_queue_url(QueueName="vestnik-try-queue")["QueueUrl"]
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    return answer["Attributes"]["VisibilityTimeout"]


@pytest.fixture
def deployed(account: Account) -> Iterator[str]:
    """A stack of one queue."""
    deploy(account, "try", {"Queue": queue(30)})
    yield "try"
    delete_stack(account.cloudformation, "try")


def test_the_same_stack_again_is_no_change(account: Account, deployed: str) -> None:
    assert deploy(account, deployed, {"Queue": queue(30)}) is False


def test_what_would_change_is_shown_before_it_does(account: Account, deployed: str) -> None:
    shown: list[str] = []

    def look(lines: Sequence[str]) -> bool:
        shown.extend(lines)
        assert visibility(account) == "30"
        return True

    assert deploy(account, deployed, {"Queue": queue(60), "Kept": TABLE}, agree=look)
    assert visibility(account) == "60"
    assert sorted(line.split(" (")[0] for line in shown) == ["+ Kept", "~ Queue"]


def test_whoever_says_no_finds_everything_as_it_was(account: Account, deployed: str) -> None:
    with pytest.raises(RefusedError, match="nothing was changed"):
        deploy(account, deployed, {"Queue": queue(90)}, agree=lambda _: False)
    assert visibility(account) == "30"
    assert deploy(account, deployed, {"Queue": queue(30)}) is False


def test_a_no_to_a_new_stack_leaves_no_half_stack_in_the_way(account: Account) -> None:
    with pytest.raises(RefusedError):
        deploy(account, "never", {"Other": {"Type": "AWS::SNS::Topic"}}, agree=lambda _: False)
    assert deploy(account, "never", {"Other": {"Type": "AWS::SNS::Topic"}})
    delete_stack(account.cloudformation, "never")


def test_a_bad_release_is_told_by_resource_and_rolled_back_and_the_one_before_can_be_deployed(
    account: Account, deployed: str
) -> None:
    without_threshold = {"Namespace": "Vestnik", "MetricName": "Any", "ComparisonOperator": "GreaterThanThreshold"}
    bad = {"Type": "AWS::CloudWatch::Alarm", "DependsOn": "Queue", "Properties": without_threshold}
    with pytest.raises(DeployError, match="Bad"):
        deploy(account, deployed, {"Queue": queue(120), "Bad": bad})
    assert visibility(account) == "30"
    deploy(account, deployed, {"Queue": queue(45)})
    assert visibility(account) == "45"


def test_the_tables_outlive_their_stack_and_are_taken_in_by_the_next(account: Account) -> None:
    deploy(account, "data", {"Kept": TABLE})
    dynamodb = account.session.client("dynamodb", endpoint_url=account.endpoint_url)
    dynamodb.put_item(TableName="vestnik-try-kept", Item={"id": {"S": "anna"}})
    delete_stack(account.cloudformation, "data")
    deploy(account, "data", {"Kept": TABLE, "More": {"Type": "AWS::SNS::Topic"}})
    assert dynamodb.get_item(TableName="vestnik-try-kept", Key={"id": {"S": "anna"}})["Item"]
    delete_stack(account.cloudformation, "data")
