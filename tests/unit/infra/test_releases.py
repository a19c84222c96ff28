"""Releases: a version of all that a function runs with, an alias that everybody calls, traffic that moves and comes
back."""

import copy
from typing import Any, get_args

import pytest

from infra.releases import AT_ONCE, alarms_of, with_releases
from infra.stage_config import Canary

CANARY: Canary = "Canary10Percent5Minutes"
THERE = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:vestnik-try"


def template() -> dict[str, Any]:
    """A worker with its layer, mapping, schedule and role; an API's function that is named in the body."""
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "Policies": [
                {
                    "Statement": [
                        {"Action": "lambda:InvokeFunction", "Resource": {"Fn::GetAtt": ["Enrich", "Arn"]}},
                        {"Condition": {"ArnEquals": {"lambda:FunctionArn": {"Fn::Sub": f"{THERE}-enrich"}}}},
                        {"Condition": {"ArnLike": {"lambda:FunctionArn": [{"Fn::Sub": f"{THERE}-*"}]}}},
                    ]
                }
            ]
        },
    }
    return {
        "Parameters": {"Key": {"Type": "String"}, "Days": {"Type": "Number", "Default": 90}},
        "Resources": {
            "Layer": {"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": {"S3Key": "layer-1"}}},
            "Enrich": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "FunctionName": "vestnik-try-enrich",
                    "Code": {"S3Key": {"Ref": "Key"}},
                    "Runtime": "python3.13",
                    "MemorySize": 512,
                    "Timeout": 30,
                    "Layers": [{"Ref": "Layer"}],
                    "Environment": {"Variables": {"VESTNIK_RETENTION_DAYS": {"Ref": "Days"}}},
                },
            },
            "EnrichLive": {  # as SAM calls the mapping of an event `Live`
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {"FunctionName": {"Ref": "Enrich"}, "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]}},
            },
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "vestnik-try-enrich"}},
            "Schedule": {
                "Type": "AWS::Scheduler::Schedule",
                "Properties": {"Target": {"Arn": {"Fn::GetAtt": "Enrich.Arn"}}},
            },
            "Role": role,
            "APIHandler": {"Type": "AWS::Lambda::Function", "Properties": {"FunctionName": "vestnik-try"}},
            "RestAPI": {
                "Type": "AWS::ApiGateway::RestApi",
                "Properties": {
                    "Body": {
                        "api": {"Fn::Sub": f"arn:x:path/2015-03-31/functions/{THERE}/invocations"},
                        "other": {"Fn::Sub": f"arn:x:path/2015-03-31/functions/{THERE}-enrich/invocations"},
                    }
                },
            },
            "Deployed": {"Type": "AWS::ApiGateway::Deployment", "Properties": {"RestApiId": {"Ref": "RestAPI"}}},
            "Stage": {"Type": "AWS::ApiGateway::Stage", "Properties": {"DeploymentId": {"Ref": "Deployed"}}},
            "Socket": {
                "Type": "AWS::ApiGatewayV2::Integration",
                "Properties": {"IntegrationUri": {"Fn::Sub": ["${to}/${Enrich.Arn}/invocations", {"to": "x"}]}},
            },
            "SocketByName": {
                "Type": "AWS::ApiGatewayV2::Integration",
                "Properties": {
                    "IntegrationUri": {"Fn::Sub": ["x:function:${It}/invocations", {"It": {"Ref": "Enrich"}}]}
                },
            },
            "Permission": {"Type": "AWS::Lambda::Permission", "Properties": {"FunctionName": {"Ref": "APIHandler"}}},
            "ByName": {"Type": "AWS::Lambda::Permission", "Properties": {"FunctionName": "vestnik-try"}},
            "Alarm": {
                "Type": "AWS::CloudWatch::Alarm",
                "Properties": {"Dimensions": [{"Name": "FunctionName", "Value": "vestnik-try-enrich"}]},
            },
        },
    }


def released(of: dict[str, Any] | None = None, *, canary: Canary | None = CANARY, **parameters: str) -> dict[str, Any]:
    given = {"Key": "workers-1", **parameters}
    made = with_releases(of or template(), given, stage="try", canary=canary)["Resources"]
    assert isinstance(made, dict)
    return made


def version(resources: dict[str, Any], function: str = "Enrich") -> str:
    [found] = [name for name in resources if name.startswith(f"{function}Version")]
    return found


def test_everything_that_calls_a_function_calls_its_alias() -> None:
    made = released()
    enrich, api = {"Ref": "EnrichAlias"}, {"Ref": "APIHandlerAlias"}
    assert made["EnrichLive"]["Properties"]["FunctionName"] == enrich
    assert made["Schedule"]["Properties"]["Target"]["Arn"] == enrich
    assert made["Permission"]["Properties"]["FunctionName"] == api
    assert made["ByName"]["Properties"]["FunctionName"] == "vestnik-try:live"
    assert made["ByName"]["DependsOn"] == ["APIHandlerAlias"]
    assert made["Socket"]["Properties"]["IntegrationUri"] == {
        "Fn::Sub": ["${to}/${EnrichAlias}/invocations", {"to": "x"}]
    }
    by_name = made["SocketByName"]
    assert by_name["Properties"]["IntegrationUri"]["Fn::Sub"][0] == "x:function:${It}:live/invocations"
    assert by_name["DependsOn"] == ["EnrichAlias"]
    body = made["RestAPI"]["Properties"]["Body"]
    assert body["api"]["Fn::Sub"].endswith(f"{THERE}:live/invocations")
    assert body["other"]["Fn::Sub"].endswith(f"{THERE}-enrich:live/invocations")


def test_a_role_that_calls_a_function_or_steers_its_mapping_may_do_so_by_the_alias() -> None:
    [invoke, own, all_of_it] = released()["Role"]["Properties"]["Policies"][0]["Statement"]
    assert invoke["Resource"] == {"Ref": "EnrichAlias"}
    bare = {"Fn::Sub": f"{THERE}-enrich"}
    assert own["Condition"]["ArnEquals"]["lambda:FunctionArn"] == [bare, {"Fn::Sub": f"{THERE}-enrich:live"}]
    assert all_of_it["Condition"]["ArnLike"]["lambda:FunctionArn"] == [{"Fn::Sub": f"{THERE}-*"}]


def test_what_speaks_of_the_function_as_a_whole_still_does() -> None:
    """AWS/Lambda counts all versions under FunctionName (AWS, "Types of metrics for Lambda functions")."""
    assert released()["Alarm"] == template()["Resources"]["Alarm"]
    assert released()["Enrich"] == template()["Resources"]["Enrich"]


def change_memory(t: dict[str, Any]) -> None:
    t["Resources"]["Enrich"]["Properties"]["MemorySize"] = 1024


def change_timeout(t: dict[str, Any]) -> None:
    t["Resources"]["Enrich"]["Properties"]["Timeout"] = 60


def change_runtime(t: dict[str, Any]) -> None:
    t["Resources"]["Enrich"]["Properties"]["Runtime"] = "python3.14"


def change_layer(t: dict[str, Any]) -> None:
    t["Resources"]["Layer"]["Properties"]["Content"]["S3Key"] = "layer-2"


def change_default(t: dict[str, Any]) -> None:
    t["Parameters"]["Days"]["Default"] = 30


def change_snap_start(t: dict[str, Any]) -> None:
    t["Resources"]["Enrich"]["Properties"]["SnapStart"] = {"ApplyOn": "PublishedVersions"}


@pytest.mark.parametrize(
    "change", [change_memory, change_timeout, change_runtime, change_layer, change_default, change_snap_start]
)
def test_whatever_a_function_runs_with_makes_a_new_version(change: Any) -> None:
    changed = template()
    change(changed)
    assert version(released(changed)) != version(released())


@pytest.mark.parametrize("parameters", [{"Key": "workers-2"}, {"Days": "30"}])
def test_so_do_the_parameters(parameters: Any) -> None:
    assert version(released(**parameters)) != version(released())


def test_nothing_else_does() -> None:
    changed = template()
    changed["Resources"]["Enrich"]["Properties"]["ReservedConcurrentExecutions"] = 5
    changed["Resources"]["Queue"]["Properties"]["VisibilityTimeout"] = 60
    assert version(released(changed)) == version(released())
    assert version(released(Days="90")) == version(released())


def test_traffic_moves_bit_by_bit_and_comes_back_on_the_alarms_of_the_function() -> None:
    made = released()
    update = made["EnrichAlias"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
    assert update == {"ApplicationName": {"Ref": "Releases"}, "DeploymentGroupName": {"Ref": "EnrichRelease"}}
    assert made["EnrichAlias"]["Properties"]["FunctionVersion"] == {"Fn::GetAtt": [version(made), "Version"]}
    group = made["EnrichRelease"]["Properties"]
    assert group["DeploymentConfigName"] == f"CodeDeployDefault.Lambda{CANARY}"
    names = [one["Name"] for one in group["AlarmConfiguration"]["Alarms"]]
    assert names == ["vestnik-try-enrich-errors", "vestnik-try-enrich-crashes"]
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]


def test_at_once_asks_no_alarm_so_that_a_mend_goes_out_while_it_is_on() -> None:
    group = released(canary=AT_ONCE)["EnrichRelease"]["Properties"]
    assert group["AlarmConfiguration"] == {"Enabled": False}


def test_without_a_canary_the_alias_moves_by_itself() -> None:
    made = released(canary=None)
    assert "UpdatePolicy" not in made["EnrichAlias"]
    assert not [name for name, one in made.items() if one["Type"].startswith("AWS::CodeDeploy")]


def test_the_api_is_deployed_again_when_its_calls_are_led_elsewhere() -> None:
    made = released()
    [deployed] = [name for name, one in made.items() if one["Type"] == "AWS::ApiGateway::Deployment"]
    assert deployed != "Deployed"
    assert made["Stage"]["Properties"]["DeploymentId"] == {"Ref": deployed}


def test_the_alarms_are_those_of_the_doors_and_workers_and_of_nobody_else() -> None:
    assert alarms_of("vestnik-prod", "prod") == ["vestnik-prod-api-errors", "vestnik-prod-api-crashes"]
    assert alarms_of("vestnik-prod-public_pages", "prod")[0] == "vestnik-prod-public-errors"
    assert alarms_of("vestnik-prod-websocket_connect", "prod") == []


def test_a_template_is_not_changed_by_being_looked_at() -> None:
    before = template()
    seen = copy.deepcopy(before)
    with_releases(seen, {}, stage="try", canary=CANARY)
    assert seen == before


def test_the_configurations_are_those_of_codedeploy() -> None:
    from samtranslator.model.preferences.deployment_preference_collection import (
        CODEDEPLOY_PREDEFINED_CONFIGURATIONS_LIST,
    )

    assert set(get_args(Canary)) == set(CODEDEPLOY_PREDEFINED_CONFIGURATIONS_LIST)
