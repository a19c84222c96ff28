"""What was changed by hand is told; what the service changes is not; what cannot be asked is unknown, not well."""

from typing import Any

import pytest
from botocore.stub import Stubber

from infra.account import Account
from infra.drift import drift
from infra.stacks import delete_stack
from tests.integration.infra.test_stacks import deploy, queue


@pytest.fixture
def stack(account: Account) -> Any:
    deploy(account, "drifting", {"Queue": queue(30), "Topic": {"Type": "AWS::SNS::Topic", "Properties": {}}})
    yield "drifting"
    delete_stack(account.cloudformation, "drifting")


def told(account: Account, stack: str) -> list[str]:
    return [one.wrong for one in drift(account.cloudformation, stack)]


def test_what_is_as_it_was_deployed_gets_no_finding(account: Account, stack: str) -> None:
    assert told(account, stack) == []


def test_what_was_changed_by_hand_is_told_before_and_after(account: Account, stack: str) -> None:
    sqs = account.session.client("sqs", endpoint_url=account.endpoint_url)
    url = sqs.get_queue_url(QueueName="vestnik-try-queue")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "77"})
    [line] = told(account, stack)
    assert "Queue (AWS::SQS::Queue) of drifting was changed by hand: VisibilityTimeout 30 → 77" in line


def test_what_was_deleted_by_hand_is_told(account: Account, stack: str) -> None:
    sqs = account.session.client("sqs", endpoint_url=account.endpoint_url)
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName="vestnik-try-queue")["QueueUrl"])
    [line] = told(account, stack)
    assert "was deleted by hand" in line


def test_a_stack_that_is_not_there_is_told(account: Account) -> None:
    assert told(account, "nowhere") == ["there is no stack nowhere"]


def test_where_nobody_can_be_asked_it_is_unknown_and_not_well(account: Account) -> None:
    client = account.session.client("cloudformation", endpoint_url=account.endpoint_url)
    with Stubber(client) as stub:
        stub.add_client_error("detect_stack_drift", "InternalFailure", http_status_code=501)
        [finding] = drift(client, "any")
    assert finding.unknown


def test_consumers_that_follow_a_switch_are_no_drift(account: Account) -> None:
    client = account.session.client("cloudformation", endpoint_url=account.endpoint_url)
    own, others = ["/Enabled", "/ScalingConfig/MaximumConcurrency"], ["/FunctionResponseTypes"]
    for paths, findings in ((own, 0), (own + others, 1)):
        with Stubber(client) as stub:
            stub.add_response("detect_stack_drift", {"StackDriftDetectionId": "one"})
            stub.add_response("describe_stack_drift_detection_status", DONE)
            stub.add_response("describe_stack_resource_drifts", {"StackResourceDrifts": [mapping(paths)]})
            assert len(list(drift(client, "any"))) == findings


DONE = {
    "StackId": "any",
    "StackDriftDetectionId": "one",
    "DetectionStatus": "DETECTION_COMPLETE",
    "Timestamp": "2026-11-29T00:00:00Z",
}


def mapping(paths: list[str]) -> dict[str, Any]:
    return {
        "StackId": "any",
        "LogicalResourceId": "Mapping",
        "ResourceType": "AWS::Lambda::EventSourceMapping",
        "StackResourceDriftStatus": "MODIFIED",
        "Timestamp": "2026-11-29T00:00:00Z",
        "PropertyDifferences": [
            {"PropertyPath": path, "ExpectedValue": "true", "ActualValue": "false", "DifferenceType": "NOT_EQUAL"}
            for path in paths
        ],
    }
