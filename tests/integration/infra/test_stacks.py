"""Deploying a stack: what would change is shown first, a failure is told and rolled back, data outlives its stack."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from infra.account import Account
from infra.stacks import DeployError, RefusedError, Waiting, delete_stack, deploy_stack, plan_stack

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
    assert shown == [
        "~ Queue (AWS::SQS::Queue): VisibilityTimeout 30 → 60",
        "+ Kept (AWS::DynamoDB::Table)",
        "= 1 changed, 1 new",
    ]


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


def test_what_cloudformation_would_roll_back_is_refused_before_it_is_asked(account: Account) -> None:
    deploy(account, "index", {"Kept": indexed("by-day", "KEYS_ONLY")})
    before = asked(account, "index")
    with pytest.raises(RefusedError, match="by-day: Projection") as refused:
        deploy(account, "index", {"Kept": indexed("by-day", "ALL")})
    assert "release 1: add by-day-2" in str(refused.value)
    assert asked(account, "index") == before
    delete_stack(account.cloudformation, "index")
    account.session.client("dynamodb", endpoint_url=account.endpoint_url).delete_table(TableName="vestnik-try-kept")


def asked(account: Account, name: str) -> tuple[int, int]:
    """How many change sets and events a stack has."""
    changes = account.cloudformation.list_change_sets(StackName=name)["Summaries"]
    return len(changes), len(account.cloudformation.describe_stack_events(StackName=name)["StackEvents"])


def indexed(name: str, projection: str) -> dict[str, Any]:
    """The table with an index."""
    keys = [{"AttributeName": "day", "KeyType": "HASH"}]
    index = {"IndexName": name, "KeySchema": keys, "Projection": {"ProjectionType": projection}}
    attributes = [{"AttributeName": one, "AttributeType": "S"} for one in ("id", "day")]
    own = {"AttributeDefinitions": attributes, "GlobalSecondaryIndexes": [index]}
    properties: dict[str, Any] = TABLE["Properties"]  # type: ignore[assignment]
    return {**TABLE, "Properties": {**properties, **own}}


def test_a_queue_that_is_no_longer_wanted_goes_when_a_person_has_agreed(account: Account, deployed: str) -> None:
    template = json.dumps({"Resources": {"Other": {"Type": "AWS::SNS::Topic"}}})
    url = account.upload_text(account.artifact_bucket("try"), deployed, template)
    given: dict[str, Any] = {"template": template, "template_url": url, "parameters": {}}
    with pytest.raises(RefusedError, match="ALLOW=Queue"):
        plan_stack(account.cloudformation, deployed, **given)
    plan = plan_stack(account.cloudformation, deployed, **given, allowed=["Queue"])
    assert plan
    assert "- Queue (AWS::SQS::Queue): IS DELETED" in plan.lines
    plan.drop()
    assert visibility(account) == "30"


def test_a_change_that_somebody_has_begun_is_waited_for(account: Account, deployed: str) -> None:
    told: list[str] = []
    slow = {"Resources": {"Queue": queue(31), "Slow": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}}
    account.cloudformation.update_stack(StackName=deployed, TemplateBody=json.dumps(slow))
    template = json.dumps({"Resources": {"Queue": queue(75)}})
    plan = plan_stack(
        account.cloudformation,
        deployed,
        template=template,
        template_url=account.upload_text(account.artifact_bucket("try"), deployed, template),
        parameters={},
        waiting=Waiting(say=told.append),
    )
    assert plan
    plan.execute()
    assert visibility(account) == "75"


def test_a_stack_that_never_came_to_be_makes_room_for_the_next_try(account: Account) -> None:
    bad = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"ComparisonOperator": "GreaterThanThreshold"}}
    with pytest.raises(DeployError, match="Bad"):
        deploy(account, "first", {"Bad": bad})
    assert deploy(account, "first", {"Good": {"Type": "AWS::SNS::Topic"}})
    delete_stack(account.cloudformation, "first")


def test_whoever_stops_waiting_is_told_that_cloudformation_goes_on_and_how_to_follow_it(
    account: Account, deployed: str
) -> None:
    client = account.session.client("cloudformation", endpoint_url=account.endpoint_url)
    begun: list[bool] = []

    def stop(**_call: object) -> None:
        if begun:
            raise KeyboardInterrupt

    client.meta.events.register("after-call.cloudformation.ExecuteChangeSet", lambda **_call: begun.append(True))
    client.meta.events.register("before-call.cloudformation.DescribeStackEvents", stop)
    template = json.dumps({"Resources": {"Queue": queue(32)}})
    url = account.upload_text(account.artifact_bucket("try"), deployed, template)
    plan = plan_stack(client, deployed, template=template, template_url=url, parameters={})
    assert plan
    with pytest.raises(DeployError, match=r"CloudFormation goes on by itself\. `make deploy` again follows it"):
        plan.execute()
    assert begun
    assert deploy(account, deployed, {"Queue": queue(33)})


def test_the_tables_outlive_their_stack_and_are_taken_in_by_the_next(account: Account) -> None:
    deploy(account, "data", {"Kept": TABLE})
    dynamodb = account.session.client("dynamodb", endpoint_url=account.endpoint_url)
    dynamodb.put_item(TableName="vestnik-try-kept", Item={"id": {"S": "anna"}})
    delete_stack(account.cloudformation, "data")
    deploy(account, "data", {"Kept": TABLE, "More": {"Type": "AWS::SNS::Topic"}})
    assert dynamodb.get_item(TableName="vestnik-try-kept", Key={"id": {"S": "anna"}})["Item"]
    delete_stack(account.cloudformation, "data")
