"""What a release must not do in one step is refused with AWS's rule and the way there; what it may is let through."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.guard import refusals, words_of

HISTORY = json.loads((Path(__file__).parent / "indexes_of_history.json").read_text())

KEYS = [{"AttributeName": "id", "KeyType": "HASH"}]


def index(name: str, attribute: str, *carried: str) -> dict[str, Any]:
    projection = (
        {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(carried)} if carried else {"ProjectionType": "ALL"}
    )
    return {"IndexName": name, "KeySchema": [{"AttributeName": attribute, "KeyType": "HASH"}], "Projection": projection}


def release() -> dict[str, Any]:
    """A small stack as it was deployed."""
    return {
        "Ledger": {
            "Type": "AWS::DynamoDB::Table",
            "DeletionPolicy": "Retain",
            "Properties": {
                "TableName": "vestnik-try-ledger",
                "BillingMode": "PAY_PER_REQUEST",
                "TimeToLiveSpecification": {"AttributeName": "expires_at_epoch", "Enabled": True},
                "AttributeDefinitions": [{"AttributeName": one, "AttributeType": "S"} for one in ("id", "user", "day")],
                "KeySchema": KEYS,
                "GlobalSecondaryIndexes": [index("by-user", "user", "kind", "lane"), index("by-day", "day")],
            },
        },
        "Fanout": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"QueueName": "vestnik-try-fanout", "VisibilityTimeout": 180},
        },
        "Uploads": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "vestnik-try-lists"}},
        "Alarms": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "vestnik-try-alarms"}},
        "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/aws/lambda/vestnik-try-deliver"}},
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "vestnik-try"}},
        "Deployed1": {"Type": "AWS::ApiGateway::Deployment", "Properties": {"RestApiId": {"Ref": "Api"}}},
        "Live": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "live", "ProtocolType": "WEBSOCKET"}},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "vestnik-try-deliver", "Path": "/"}},
        "Layer": {
            "Type": "AWS::Lambda::LayerVersion",
            "Properties": {
                "LayerName": "dependencies",
                "CompatibleRuntimes": ["python3.13"],
                "CompatibleArchitectures": ["x86_64"],
                "Content": {"S3Key": "one"},
            },
        },
        "Deliver": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": "vestnik-try-deliver",
                "Runtime": "python3.13",
                "Timeout": 30,
                "Layers": [{"Ref": "Layer"}],
                "Code": {"S3Key": "one"},
            },
        },
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {"FunctionName": {"Ref": "Deliver"}, "EventSourceArn": {"Fn::GetAtt": ["Fanout", "Arn"]}},
        },
        "Own": {"Type": "Custom::Anything", "Properties": {"Any": 1}},
    }


def properties(after: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = after[name]["Properties"]
    return found


def table(after: dict[str, Any], **changed: Any) -> None:
    properties(after, "Ledger").update(changed)


def attributes(*names: str, **types: str) -> list[dict[str, str]]:
    return [{"AttributeName": one, "AttributeType": types.get(one, "S")} for one in names]


def rename(after: dict[str, Any], old: str, new: str) -> None:
    after[new] = after.pop(old)


Change = Callable[[dict[str, Any]], Any]

# Each with the resource and a word of what would happen.
IMPOSSIBLE: dict[str, tuple[Change, str, str]] = {
    "an index carries more": (
        lambda r: table(
            r, GlobalSecondaryIndexes=[index("by-user", "user", "kind", "lane", "x"), index("by-day", "day")]
        ),
        "Ledger",
        "by-user: Projection",
    ),
    "an index carries less": (
        lambda r: table(r, GlobalSecondaryIndexes=[index("by-user", "user", "kind"), index("by-day", "day")]),
        "Ledger",
        "by-user: Projection",
    ),
    "an index carries keys only": (
        lambda r: table(
            r,
            GlobalSecondaryIndexes=[
                index("by-user", "user", "kind", "lane"),
                {**index("by-day", "day"), "Projection": {"ProjectionType": "KEYS_ONLY"}},
            ],
        ),
        "Ledger",
        "by-day: Projection",
    ),
    "an index gets another key": (
        lambda r: table(
            r,
            AttributeDefinitions=attributes("id", "user", "month"),
            GlobalSecondaryIndexes=[index("by-user", "user", "kind", "lane"), index("by-day", "month")],
        ),
        "Ledger",
        "by-day: KeySchema",
    ),
    "two indexes at once": (
        lambda r: table(
            r,
            AttributeDefinitions=attributes("id", "user", "day", "a", "b"),
            GlobalSecondaryIndexes=[
                *properties(r, "Ledger")["GlobalSecondaryIndexes"],
                index("a", "a"),
                index("b", "b"),
            ],
        ),
        "Ledger",
        "2 indexes are made or deleted at once (+a, +b)",
    ),
    "an index is renamed": (
        lambda r: table(r, GlobalSecondaryIndexes=[index("by-user", "user", "kind", "lane"), index("per-day", "day")]),
        "Ledger",
        "(+per-day, -by-day)",
    ),
    "all indexes go": (
        lambda r: table(r, AttributeDefinitions=attributes("id"), GlobalSecondaryIndexes=[]),
        "Ledger",
        "(-by-day, -by-user)",
    ),
    "an index and the capacity": (
        lambda r: table(
            r,
            AttributeDefinitions=attributes("id", "user"),
            BillingMode="PROVISIONED",
            ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
            GlobalSecondaryIndexes=[
                {
                    **index("by-user", "user", "kind", "lane"),
                    "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
                }
            ],
        ),
        "Ledger",
        "capacity change at once",
    ),
    "capacity for the table alone": (
        lambda r: table(
            r, BillingMode="PROVISIONED", ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
        ),
        "Ledger",
        "by-user, by-day has none",
    ),
    "rows expire by another attribute": (
        lambda r: table(r, TimeToLiveSpecification={"AttributeName": "gone_at", "Enabled": True}),
        "Ledger",
        "expire by gone_at",
    ),
    "the table gets a sort key": (
        lambda r: table(
            r,
            AttributeDefinitions=attributes("id", "part", "user", "day"),
            KeySchema=[*KEYS, {"AttributeName": "part", "KeyType": "RANGE"}],
        ),
        "Ledger",
        "name vestnik-try-ledger is taken",
    ),
    "a key becomes a number": (
        lambda r: table(r, AttributeDefinitions=attributes("id", "user", "day", id="N")),
        "Ledger",
        "type of id",
    ),
    "a local index": (
        lambda r: table(
            r, LocalSecondaryIndexes=[{**index("by-part", "id"), "Projection": {"ProjectionType": "KEYS_ONLY"}}]
        ),
        "Ledger",
        "local index",
    ),
    "an attribute that no key has": (
        lambda r: table(r, AttributeDefinitions=attributes("id", "user", "day", "idle")),
        "Ledger",
        "idle is defined, and no key has it",
    ),
    "a key that is not defined": (
        lambda r: table(r, AttributeDefinitions=attributes("id", "user")),
        "Ledger",
        "day is a key, and not defined",
    ),
    "indexes that carry too much": (
        lambda r: table(
            r,
            GlobalSecondaryIndexes=[
                index("by-user", "user", *(f"a{n}" for n in range(60))),
                index("by-day", "day", *(f"a{n}" for n in range(60))),
            ],
        ),
        "Ledger",
        "carry 120 attributes",
    ),
    "another logical id for a table": (lambda r: rename(r, "Ledger", "Book"), "Ledger", "is called Book now"),
    "another logical id for a queue": (lambda r: rename(r, "Fanout", "FanoutQueue"), "Fanout", "is called FanoutQueue"),
    "another logical id for a role": (lambda r: rename(r, "Role", "DeliverRole"), "Role", "is called DeliverRole"),
    "a role in another path": (
        lambda r: properties(r, "Role").update(Path="/vestnik/"),
        "Role",
        "name vestnik-try-deliver is taken",
    ),
    "another type": (
        lambda r: r.update(Fanout={"Type": "AWS::SNS::Topic", "Properties": {}}),
        "Fanout",
        "was an AWS::SQS",
    ),
    "a queue becomes FIFO under its name": (
        lambda r: properties(r, "Fanout").update(FifoQueue=True),
        "Fanout",
        "do not fit",
    ),
    "a message is kept for a month": (
        lambda r: properties(r, "Fanout").update(MessageRetentionPeriod=2592000),
        "Fanout",
        "MessageRetentionPeriod is 2592000",
    ),
    "a message is hidden for a day": (
        lambda r: properties(r, "Fanout").update(VisibilityTimeout="86400"),
        "Fanout",
        "VisibilityTimeout is 86400",
    ),
    "a message is hidden for less than its function may take": (
        lambda r: properties(r, "Fanout").update(VisibilityTimeout=20),
        "Mapping",
        "hides a message for 20 s",
    ),
    "a runtime that the layer is not built for": (
        lambda r: properties(r, "Deliver").update(Runtime="python3.12"),
        "Deliver",
        "runs python3.12 on x86_64",
    ),
    "an architecture that the layer is not built for": (
        lambda r: properties(r, "Deliver").update(Architectures=["arm64"]),
        "Deliver",
        "runs python3.13 on arm64",
    ),
}
COSTLY: dict[str, tuple[Change, str, str]] = {
    "a table goes": (lambda r: r.pop("Ledger"), "Ledger", "outside of any stack"),
    "a queue goes": (lambda r: (r.pop("Fanout"), r.pop("Mapping")), "Fanout", "what is in it is lost"),
    "a bucket goes": (lambda r: r.pop("Uploads"), "Uploads", "is deleted"),
    "a topic goes": (lambda r: r.pop("Alarms"), "Alarms", "subscribers"),
    "a log goes": (lambda r: r.pop("Logs"), "Logs", "is deleted"),
    "the API goes": (lambda r: r.pop("Api"), "Api", "another address"),
    "the API has another logical id": (lambda r: rename(r, "Api", "RestApi"), "Api", "another address"),
    "a table has another name": (lambda r: table(r, TableName="vestnik-try-book"), "Ledger", "TableName would change"),
    "a queue has another name": (
        lambda r: properties(r, "Fanout").update(QueueName="vestnik-try-fan"),
        "Fanout",
        "replaced, empty",
    ),
    "a queue becomes FIFO": (
        lambda r: properties(r, "Fanout").update(QueueName="vestnik-try-fanout.fifo", FifoQueue=True),
        "Fanout",
        "FifoQueue, QueueName would change",
    ),
    "a bucket has another name": (
        lambda r: properties(r, "Uploads").update(BucketName="vestnik-try-up"),
        "Uploads",
        "BucketName",
    ),
    "a topic has another name": (lambda r: properties(r, "Alarms").update(TopicName="x"), "Alarms", "subscribers"),
    "a log has another name": (lambda r: properties(r, "Logs").update(LogGroupName="x"), "Logs", "LogGroupName"),
    "the WebSocket API becomes another": (
        lambda r: properties(r, "Live").update(ProtocolType="HTTP"),
        "Live",
        "every open page",
    ),
    "a function has another name": (
        lambda r: properties(r, "Deliver").update(FunctionName="vestnik-try-send"),
        "Deliver",
        "its log group, alarms",
    ),
    "a role has another name": (lambda r: properties(r, "Role").update(RoleName="x"), "Role", "RoleName would change"),
}
HARMLESS: dict[str, Change] = {
    "nothing": lambda _: None,
    "new code": lambda r: properties(r, "Deliver").update(Code={"S3Key": "two"}),
    "a new layer": lambda r: properties(r, "Layer").update(Content={"S3Key": "two"}),
    "one index more": lambda r: table(
        r,
        AttributeDefinitions=attributes("id", "user", "day", "new"),
        GlobalSecondaryIndexes=[*properties(r, "Ledger")["GlobalSecondaryIndexes"], index("new", "new")],
    ),
    "one index less": lambda r: table(
        r,
        AttributeDefinitions=attributes("id", "user"),
        GlobalSecondaryIndexes=[index("by-user", "user", "kind", "lane")],
    ),
    "an index carries the same in another order": lambda r: table(
        r, GlobalSecondaryIndexes=[index("by-day", "day"), index("by-user", "user", "lane", "kind")]
    ),
    "rows no longer expire": lambda r: table(
        r, TimeToLiveSpecification={"AttributeName": "expires_at_epoch", "Enabled": False}
    ),
    "points in time": lambda r: table(r, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}),
    "another timeout of a queue": lambda r: properties(r, "Fanout").update(VisibilityTimeout=360),
    "a function goes": lambda r: (r.pop("Deliver"), r.pop("Mapping")),
    "a new queue": lambda r: r.update(
        More={"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "vestnik-try-more"}}
    ),
    "the API is deployed again": lambda r: rename(r, "Deployed1", "Deployed2"),
    "another word of one's own": lambda r: properties(r, "Own").update(Any=2),
}


def changed(change: Change) -> dict[str, Any]:
    after = copy.deepcopy(release())
    change(after)
    return after


@pytest.mark.parametrize("case", [*IMPOSSIBLE, *COSTLY])
def test_what_would_fail_or_lose_something_is_refused_with_the_rule_and_the_way(case: str) -> None:
    change, name, word = {**IMPOSSIBLE, **COSTLY}[case]
    refused = refusals(release(), changed(change), allowed=())
    [found] = [one for one in refused if one.resource == name]
    assert word in found.wrong
    assert found.rule
    assert found.steps
    assert found.resource in "\n".join(words_of(refused))


@pytest.mark.parametrize("case", COSTLY)
def test_what_a_person_has_agreed_to_lose_is_let_through(case: str) -> None:
    change, name, _ = COSTLY[case]
    assert refusals(release(), changed(change), allowed=[name]) == []


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_what_aws_refuses_nobody_can_allow(case: str) -> None:
    change, name, _ = IMPOSSIBLE[case]
    assert refusals(release(), changed(change), allowed=[name])


@pytest.mark.parametrize("case", HARMLESS)
def test_what_a_release_may_do_is_not_refused(case: str) -> None:
    assert refusals(release(), changed(HARMLESS[case]), allowed=()) == []


def test_a_new_stage_is_held_against_nothing_but_the_limits_of_aws() -> None:
    assert refusals({}, release(), allowed=()) == []
    assert refusals({}, changed(IMPOSSIBLE["a message is kept for a month"][0]), allowed=())


@pytest.mark.parametrize("release_name", HISTORY)
def test_the_releases_of_this_repository_that_cloudformation_would_have_rolled_back_are_refused(
    release_name: str,
) -> None:
    before, after = HISTORY[release_name]["before"], HISTORY[release_name]["after"]
    [found] = refusals(before, after, allowed=())
    assert set(HISTORY[release_name]["indexes"]) == {
        one for one in HISTORY[release_name]["indexes"] if one in found.wrong
    }
    assert len(found.steps) == 2 * len(HISTORY[release_name]["indexes"])


def test_each_release_of_the_way_is_one_that_is_not_refused() -> None:
    """The steps are followed to the letter, one index at a time."""
    first = HISTORY["the indexes carry the kind of a row"]
    at, wanted = copy.deepcopy(first["before"]), first["after"]["Ledger"]["Properties"]
    named = {one["IndexName"]: one for one in wanted["GlobalSecondaryIndexes"]}
    [found] = refusals(first["before"], first["after"], allowed=())
    for step in found.steps:
        before = copy.deepcopy(at)
        _, verb, what = step.replace(",", "").split(": ", 1)[0], *step.split(": ", 1)[1].replace(",", "").split()[:2]
        indexes = at["Ledger"]["Properties"]["GlobalSecondaryIndexes"]
        if verb == "add":
            indexes.append({**named[what.removesuffix("-2")], "IndexName": what})
        else:
            at["Ledger"]["Properties"]["GlobalSecondaryIndexes"] = [one for one in indexes if one["IndexName"] != what]
        assert refusals(before, at, allowed=()) == []
    left = {one["IndexName"] for one in at["Ledger"]["Properties"]["GlobalSecondaryIndexes"]}
    assert {f"{one}-2" for one in first["indexes"]} <= left
    assert not left & set(first["indexes"])
