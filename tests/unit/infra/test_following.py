"""A stack is followed for as long as it takes, and says how far it is."""

from collections.abc import Iterator
from typing import Any

import pytest

from infra.following import Follower, TooLongError
from infra.stacks import DeployError, plan_stack

STACK = "arn:aws:cloudformation:eu-central-1:0:stack/try/1"


class CloudFormation:
    """Answers with one state after the other, the last one for ever, and tells one event with each."""

    def __init__(self, *states: str, events: list[dict[str, Any]]) -> None:
        self._states = list(states)
        self._events = events
        self._told = 1

    def describe_stacks(self, **_: Any) -> Any:
        status = self._states.pop(0) if len(self._states) > 1 else self._states[0]
        return {"Stacks": [{"StackName": "try", "StackStatus": status}]}

    def describe_stack_events(self, **_: Any) -> Any:
        return {"StackEvents": list(reversed(self._events[: self._told]))}

    def get_paginator(self, _name: str) -> Any:
        return self

    def paginate(self, **_: Any) -> Iterator[Any]:
        self._told = min(self._told + 1, len(self._events))
        yield self.describe_stack_events()


class Tables:
    """A table whose index is being filled."""

    def describe_table(self, **_: Any) -> Any:
        index = {"IndexName": "by-day", "IndexStatus": "CREATING", "Backfilling": True, "ItemCount": 120}
        return {"Table": {"ItemCount": 5_000_000, "GlobalSecondaryIndexes": [index]}}


def event(number: int, name: str, status: str, **more: str) -> dict[str, Any]:
    kind = "AWS::DynamoDB::Table" if name == "Ledger" else "AWS::SQS::Queue"
    physical = {"PhysicalResourceId": f"vestnik-try-{name.lower()}"}
    return {
        "EventId": str(number),
        "StackId": STACK,
        "LogicalResourceId": name,
        "ResourceType": kind,
        "ResourceStatus": status,
        **physical,
        **more,
    }


EVENTS = [
    event(0, "try", "CREATE_COMPLETE", PhysicalResourceId=STACK),
    event(1, "try", "UPDATE_IN_PROGRESS", PhysicalResourceId=STACK),
    event(2, "Fanout", "UPDATE_COMPLETE"),
    event(3, "Ledger", "UPDATE_IN_PROGRESS"),
    event(4, "try", "UPDATE_COMPLETE", PhysicalResourceId=STACK),
]
GOES_ON = ["UPDATE_IN_PROGRESS"] * 4


def follower(client: Any, said: list[str], **options: Any) -> Follower:
    tables: Any = Tables()
    return Follower(client, "try", tables=tables, say=said.append, say_every_seconds=0, **options)


def test_it_says_what_is_done_what_is_at_work_and_how_far_an_index_is_filled() -> None:
    said = list[str]()
    client: Any = CloudFormation(*GOES_ON, "UPDATE_COMPLETE", events=EVENTS)
    stack = follower(client, said).until_rest(since="0", begins=True)
    assert stack and stack["StackStatus"] == "UPDATE_COMPLETE"
    assert any("1 done, at work: Ledger" in line for line in said)
    assert any("index by-day is filled (120 of about 5,000,000 items" in line for line in said)


def test_what_has_not_begun_is_not_taken_for_done() -> None:
    client: Any = CloudFormation("UPDATE_COMPLETE", "UPDATE_COMPLETE", *GOES_ON, "UPDATE_COMPLETE", events=EVENTS)
    follower(client, []).until_rest(since="0", begins=True)
    assert client.describe_stacks()["Stacks"][0]["StackStatus"] == "UPDATE_COMPLETE"
    assert client._told > 1


def test_a_failure_is_said_as_it_comes_with_its_reason() -> None:
    said = list[str]()
    bad = event(3, "Fanout", "UPDATE_FAILED", ResourceStatusReason="no such key")
    client: Any = CloudFormation(*GOES_ON, "UPDATE_ROLLBACK_COMPLETE", events=[*EVENTS[:3], bad, EVENTS[4]])
    follower(client, said).until_rest(since="0", begins=True)
    assert any("failed: Fanout: no such key" in line for line in said)


def test_waiting_ends_in_the_time_that_was_given() -> None:
    client: Any = CloudFormation("UPDATE_IN_PROGRESS", events=EVENTS)
    with pytest.raises(TooLongError, match="still UPDATE_IN_PROGRESS"):
        follower(client, [], limit_seconds=0).until_rest(since="0", begins=True)


def test_a_roll_back_that_is_stuck_is_told_with_the_commands_that_free_it() -> None:
    stuck = event(5, "Fanout", "UPDATE_FAILED", ResourceStatusReason="the queue is gone")
    client: Any = CloudFormation("UPDATE_ROLLBACK_FAILED", events=[stuck])
    with pytest.raises(DeployError) as refused:
        plan_stack(client, "try", template="{}", template_url="", parameters={})
    assert "aws cloudformation continue-update-rollback --stack-name try" in str(refused.value)
    assert "Fanout (AWS::SQS::Queue): the queue is gone" in str(refused.value)
