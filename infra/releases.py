"""Versions of the functions, an alias `live` that everybody calls, and traffic that moves to a new version bit by bit:
laid over a template in plain CloudFormation, for a stage that says `canary` or `snap_start`.

SAM's AutoPublishAlias is not used: its version follows the code's address alone, so that a release of settings or of
the layer would never be published."""

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from chalicelib.flow.event_sources import ALIAS
from infra.resolved import Resources, resolve
from infra.stage_config import Canary
from infra.stages import stage_config

AT_ONCE: Final[Canary] = "AllAtOnce"
_FUNCTION: Final = "AWS::Lambda::Function"
_NOT_PUBLISHED: Final = ("ReservedConcurrentExecutions", "Tags", "FunctionName")  # of the function, not of its versions
_BY_NAME: Final = ("AWS::Lambda::EventSourceMapping", "AWS::Lambda::Permission")  # refer to a function by `Ref`
_LEADS_CALLS: Final = ("AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Integration")
_DOORS: Final = {
    "": "api",
    "public_pages": "public",
}  # functions of the app that have alarms, by what follows the stage
_MOST_ALARMS: Final = 10  # of a deployment group (AWS, "CodeDeploy quotas")

Template = dict[str, Any]


def released(template: str, parameters: Mapping[str, str], *, stage: str, at_once: bool = False) -> str:
    """The template with the releases that the stage wants; unchanged if it wants none. `at_once` moves all traffic in
    one step and checks no alarm. No emulator has CodeDeploy: there the alias moves by itself."""
    config = stage_config(stage)
    if config.canary is None and not config.snap_start:  # SnapStart keeps a snapshot of a published version alone
        return template
    moves = None if "AWS_ENDPOINT_URL" in os.environ else AT_ONCE if at_once and config.canary else config.canary
    return json.dumps(with_releases(json.loads(template), parameters, stage=stage, canary=moves), indent=1) + "\n"


def with_releases(template: Template, parameters: Mapping[str, str], *, stage: str, canary: Canary | None) -> Template:
    """The template with a version and an alias for each function, and every caller pointed at the alias. With `canary`
    CodeDeploy moves the traffic, and moves it back when an alarm of the function goes off; without, a release takes
    effect at once."""
    resolved = resolve(template, parameters)
    functions = {name: one for name, one in resolved.items() if one["Type"] == _FUNCTION}
    if not functions:
        return template
    resources = {
        name: resource if name in functions else _led(resource, functions)
        for name, resource in template["Resources"].items()
    }
    for name, function in functions.items():
        version = f"{name}Version{_digest(function, resolved)}"
        resources[version] = {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": name}}}
        resources[f"{name}Alias"] = _alias(name, version, moves=canary is not None)
        if canary:
            called = str(function.get("Properties", {}).get("FunctionName", ""))
            resources[f"{name}Release"] = _group(canary, alarms_of(called, stage))
    if canary:
        resources |= _CODE_DEPLOY
    return {**template, "Resources": _published_again(resources)}


def alarms_of(function: str, stage: str) -> list[str]:
    """The names of this function's alarms, except those that nobody watches."""
    word = function.removeprefix(f"vestnik-{stage}").removeprefix("-")
    if word.startswith("websocket_"):
        return []
    return [f"vestnik-{stage}-{_DOORS.get(word, word)}-{kind}" for kind in ("errors", "crashes")]


def _digest(function: Mapping[str, Any], resolved: Resources) -> str:
    """Of everything that a version is made of, the layer's contents included: a reference to it stays the same."""
    own = {key: value for key, value in function.get("Properties", {}).items() if key not in _NOT_PUBLISHED}
    names = [one["Ref"] for one in own.get("Layers") or [] if isinstance(one, dict) and "Ref" in one]
    layers = [resolved.get(name, {}).get("Properties") for name in names]
    return hashlib.sha256(json.dumps([own, layers], sort_keys=True).encode()).hexdigest()[:10]


def _alias(function: str, version: str, *, moves: bool) -> dict[str, Any]:
    policy = {"ApplicationName": {"Ref": "Releases"}, "DeploymentGroupName": {"Ref": f"{function}Release"}}
    properties = {
        "Name": ALIAS,
        "FunctionName": {"Ref": function},
        "FunctionVersion": {"Fn::GetAtt": [version, "Version"]},
    }
    own = {"UpdatePolicy": {"CodeDeployLambdaAliasUpdate": policy}} if moves else {}
    return {"Type": "AWS::Lambda::Alias", **own, "Properties": properties}


def _group(canary: Canary, alarms: Sequence[str]) -> dict[str, Any]:
    # A fix must go out while the alarm is on: moving at once checks no alarm.
    watched = {"Enabled": True, "Alarms": [{"Name": name} for name in alarms[:_MOST_ALARMS]]}
    return {
        "Type": "AWS::CodeDeploy::DeploymentGroup",
        "Properties": {
            "ApplicationName": {"Ref": "Releases"},
            "ServiceRoleArn": {"Fn::GetAtt": ["ReleasesRole", "Arn"]},
            "DeploymentConfigName": f"CodeDeployDefault.Lambda{canary}",
            "DeploymentStyle": {"DeploymentType": "BLUE_GREEN", "DeploymentOption": "WITH_TRAFFIC_CONTROL"},
            "AutoRollbackConfiguration": {
                "Enabled": True,
                "Events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"],
            },
            "AlarmConfiguration": watched if alarms and canary != AT_ONCE else {"Enabled": False},
        },
    }


_CODE_DEPLOY: Final[Mapping[str, Any]] = {
    "Releases": {"Type": "AWS::CodeDeploy::Application", "Properties": {"ComputePlatform": "Lambda"}},
    "ReleasesRole": {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "codedeploy.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                        "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
                    }
                ],
            },
            "ManagedPolicyArns": [
                {"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited"}
            ],
        },
    },
}


def _led(resource: Mapping[str, Any], functions: Resources) -> dict[str, Any]:
    """The resource with each mention of a function's ARN replaced by the alias."""
    by_name = resource.get("Type") in _BY_NAME
    names = {str(one["Properties"]["FunctionName"]): name for name, one in functions.items() if _is_named(one)}
    waits: set[str] = set()

    def led(value: Any, key: str = "") -> Any:
        if isinstance(value, list):
            return [led(one) for one in value]
        if isinstance(value, str):
            if by_name and key == "FunctionName" and value in names:
                waits.add(f"{names[value]}Alias")
                return f"{value}:{ALIAS}"
            return _in_text(value, functions, names)
        if not isinstance(value, dict):
            return value
        if "Fn::Sub" in value:
            value = {"Fn::Sub": _by_reference(value["Fn::Sub"], functions, waits)}
        if (target := _arn_of(value)) in functions:
            return {"Ref": f"{target}Alias"}
        if by_name and key == "FunctionName" and value.get("Ref") in functions:
            return {"Ref": f"{value['Ref']}Alias"}
        return {name: _both(one) if name == "lambda:FunctionArn" else led(one, name) for name, one in value.items()}

    done: dict[str, Any] = led(resource)
    if waits:
        others = done.get("DependsOn", [])
        done["DependsOn"] = sorted({*([others] if isinstance(others, str) else others), *waits})
    return done


def _by_reference(argument: Any, functions: Resources, waits: set[str]) -> Any:
    """A text that builds a function's ARN from its name, by `${Function}` or another variable."""
    text, own = argument if isinstance(argument, list) else (argument, {})
    words = {**{name: name for name in functions}, **{word: _referred(value) for word, value in own.items()}}
    for word, function in words.items():
        part = f":function:${{{word}}}"
        if function in functions and part in text:
            text = text.replace(part, f"{part}:{ALIAS}")
            waits.add(f"{function}Alias")
    return [text, own] if own else text


def _referred(value: Any) -> str:
    return str(value.get("Ref", "")) if isinstance(value, dict) else ""


def _is_named(function: Mapping[str, Any]) -> bool:
    return isinstance(function.get("Properties", {}).get("FunctionName"), str)


def _arn_of(value: Mapping[str, Any]) -> str:
    target = value.get("Fn::GetAtt", "")
    name, _, attribute = target.partition(".") if isinstance(target, str) else (str(target[0]), ".", str(target[1]))
    return name if attribute == "Arn" else ""


def _in_text(text: str, functions: Resources, names: Mapping[str, str]) -> str:
    for function in functions:
        text = text.replace(f"${{{function}.Arn}}", f"${{{function}Alias}}")
    for name in names:
        text = re.sub(rf"(:function:{re.escape(name)})(?![\w:*-])", rf"\1:{ALIAS}", text)
    return text


def _both(condition: Any) -> list[Any]:
    """A condition on the function of a mapping: the function itself and its alias."""
    values = condition if isinstance(condition, list) else [condition]
    texts = [one["Fn::Sub"] if isinstance(one, dict) else one for one in values]
    return [*values, *({"Fn::Sub": f"{text}:{ALIAS}"} for text in texts if not text.endswith("*"))]


def _published_again(resources: dict[str, Any]) -> dict[str, Any]:
    """API Gateway answers as it was last deployed: where calls lead elsewhere, the deployment gets another name."""
    led = [one["Properties"] for one in resources.values() if one.get("Type") in _LEADS_CALLS]
    digest = hashlib.sha256(json.dumps(led, sort_keys=True).encode()).hexdigest()[:10]
    text = json.dumps(resources)
    for name, resource in resources.items():
        if resource.get("Type") in ("AWS::ApiGateway::Deployment", "AWS::ApiGatewayV2::Deployment"):
            text = text.replace(f'"{name}"', f'"{name}{digest}"')
    done: dict[str, Any] = json.loads(text)
    return done
