"""The app's stack as plain CloudFormation: what Chalice packages, and everything it cannot express. One transaction
holds both APIs, their limits, functions, roles and logs (ADR 0080)."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from chalicelib.http_errors import PROTECTION, STRICT_TRANSPORT
from chalicelib.public.routes import PUBLIC_ROUTES
from infra.addresses import Addresses
from infra.runtimes import Runtime
from infra.stages import PAGES, Doors, doors_of, own_variables, stage_config

STAGE_NAME = "api"  # `api_gateway_stage` in .chalice/config.json, and what Chalice calls every WebSocket stage
BURST_SECONDS = 2  # seconds of calls that may arrive at once
LOG_DAYS = 30  # like the workers' logs in infra/template.yaml
AUDIT_LOG_DAYS = 400  # of the function that writes the audit: for that long its log proves that no line was changed

# The functions by their names in Chalice's template, and what `chalice deploy` would call them after the stage.
FUNCTIONS = {
    "APIHandler": "",
    "PublicPages": f"-{PAGES}",
    "WebsocketConnect": "-websocket_connect",
    "WebsocketMessage": "-websocket_message",
    "WebsocketDisconnect": "-websocket_disconnect",
}
_THERE = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:"

Resource = dict[str, Any]


@dataclass(frozen=True)
class AppInputs:
    """What the app's stack is made from. `layer_key` is empty where the runtime has the dependencies."""

    environment: Mapping[str, str]
    addresses: Addresses
    doors: Doors
    runtime: Runtime
    bucket: str
    code_key: str
    layer_key: str = ""
    snap_start: bool = False
    own: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # variables of one function, by Chalice's names

    @classmethod
    def of_stage(
        cls,
        environment: Mapping[str, str],
        *,
        addresses: Addresses,
        runtime: Runtime,
        bucket: str,
        code_key: str,
        layer_key: str = "",
    ) -> Self:
        """With everything that the stage itself declares. Raises: SettingsError."""
        stage = environment["VESTNIK_STAGE"]
        return cls(
            environment=environment,
            addresses=addresses,
            doors=doors_of(stage),
            runtime=runtime,
            bucket=bucket,
            code_key=code_key,
            layer_key=layer_key,
            own=own_variables(stage),
            snap_start=stage_config(stage).snap_start,
        )

    @property
    def stage(self) -> str:
        return self.environment["VESTNIK_STAGE"]


def app_template(packaged: Mapping[str, Any], inputs: AppInputs) -> dict[str, Any]:
    """The template, without parameters: the same inputs give the same text."""
    template: dict[str, Any] = json.loads(json.dumps(packaged))
    resources = template["Resources"]
    for name, ending in FUNCTIONS.items():
        resources[f"{name}Logs"] = _logs(f"vestnik-{inputs.stage}{ending}", AUDIT_LOG_DAYS if not ending else LOG_DAYS)
        resources[name]["Properties"] |= _function(name, f"vestnik-{inputs.stage}{ending}", inputs)
    if inputs.snap_start:
        resources["APIHandler"]["Properties"]["SnapStart"] = {"ApplyOn": "PublishedVersions"}
    if inputs.layer_key:
        resources["Dependencies"] = _layer(inputs)
    _rest_api(resources, inputs)
    _rest_deployment(resources)
    _rest_limits(resources, inputs.doors)
    _websocket_stage(resources, inputs.doors)
    template["Outputs"] = {name: {"Value": value} for name, value in _outputs(inputs).items()}
    return template


def _logs(function: str, days: int) -> Resource:
    """A function that starts before its log group exists creates one that never expires. A group outlives the stack,
    and CloudFormation imports it again by its name, which must be literal ("Import AWS resources automatically")."""
    return {
        "Type": "AWS::Logs::LogGroup",
        "DeletionPolicy": "RetainExceptOnCreate",
        "UpdateReplacePolicy": "Retain",
        "Properties": {"LogGroupName": f"/aws/lambda/{function}", "RetentionInDays": days},
    }


def _function(name: str, function: str, inputs: AppInputs) -> Resource:
    return {
        "FunctionName": function,
        "Runtime": inputs.runtime.name,
        "Architectures": [inputs.runtime.architecture],
        "Code": {"S3Bucket": inputs.bucket, "S3Key": inputs.code_key},
        "Environment": {"Variables": _variables(name, inputs)},
        "LoggingConfig": {"LogGroup": {"Ref": f"{name}Logs"}},
        **({"Layers": [{"Ref": "Dependencies"}]} if inputs.layer_key else {}),
    }


def _variables(name: str, inputs: AppInputs) -> Resource:
    own = inputs.own.get(FUNCTIONS[name].removeprefix("-") or "api_handler", {})
    return {**inputs.environment, **inputs.addresses.variables(inputs.environment), **own}


def _layer(inputs: AppInputs) -> Resource:
    """The workers' layer again: when both stacks are planned, that of the workers' stack has no ARN yet."""
    return {
        "Type": "AWS::Lambda::LayerVersion",
        "Properties": {
            "LayerName": f"vestnik-{inputs.stage}-app",
            "Content": {"S3Bucket": inputs.bucket, "S3Key": inputs.layer_key},
            "CompatibleRuntimes": [inputs.runtime.name],
            "CompatibleArchitectures": [inputs.runtime.architecture],
        },
    }


def _rest_api(resources: dict[str, Resource], inputs: AppInputs) -> None:
    """The API names its functions instead of referring to them, since they refer to it for their address. The public
    pages have a function of their own."""
    body = resources["RestAPI"]["Properties"]["Body"]
    body["info"]["title"] = f"vestnik-{inputs.stage}"
    for path, methods in body["paths"].items():
        name = "PublicPages" if path in PUBLIC_ROUTES else "APIHandler"
        for method in methods.values():
            there = f"{_THERE}vestnik-{inputs.stage}{FUNCTIONS[name]}"
            uri = json.dumps(method["x-amazon-apigateway-integration"]["uri"]).replace("${APIHandler.Arn}", there)
            method["x-amazon-apigateway-integration"]["uri"] = json.loads(uri)
    body["x-amazon-apigateway-gateway-responses"] = _refusals()
    resources["PublicPagesInvokePermission"] = _permission("PublicPages")
    resources["APIHandlerInvokePermission"] = _permission("APIHandler")


def _refusals() -> Resource:
    """API Gateway's own answers, such as 403 for an unknown path and 429, get the headers of ours."""
    headers = {name: value for name, value in {**PROTECTION, **STRICT_TRANSPORT}.items() if "'" not in value}
    stated = {f"gatewayresponse.header.{name}": f"'{value}'" for name, value in headers.items()}
    return {kind: {"responseParameters": stated} for kind in ("DEFAULT_4XX", "DEFAULT_5XX")}


def _permission(name: str) -> Resource:
    there = f"arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{RestAPI}}/{STAGE_NAME}/*"
    return {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "FunctionName": {"Ref": name},
            "Action": "lambda:InvokeFunction",
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": {"Fn::Sub": there},
        },
    }


def _rest_deployment(resources: dict[str, Resource]) -> None:
    """A change of the API takes effect with a new deployment, which needs a new name; it depends on what it serves.
    SAM's own would create a second stage, `Stage`, which nothing limits."""
    [sams] = [name for name, one in resources.items() if one["Type"] == "AWS::ApiGateway::Deployment"]
    del resources[sams]
    definition = json.dumps(resources["RestAPI"], sort_keys=True)
    name = f"RestAPIDeployment{hashlib.sha256(definition.encode()).hexdigest()[:10]}"
    resources[name] = {
        "Type": "AWS::ApiGateway::Deployment",
        "DependsOn": ["APIHandlerInvokePermission", "PublicPagesInvokePermission"],
        "Properties": {"RestApiId": {"Ref": "RestAPI"}},
    }
    resources[f"RestAPI{STAGE_NAME}Stage"]["Properties"]["DeploymentId"] = {"Ref": name}


def _rest_limits(resources: dict[str, Resource], doors: Doors) -> None:
    pages = [
        _limit(f"/{path.replace('/', '~1')}", method, doors.page_requests_per_second)
        for path, methods in sorted(PUBLIC_ROUTES.items())
        for method in sorted(methods)
    ]
    stage = resources[f"RestAPI{STAGE_NAME}Stage"]["Properties"]
    stage["MethodSettings"] = [_limit("/*", "*", doors.requests_per_second), *pages]


def _limit(path: str, method: str, per_second: int) -> Resource:
    """The public pages have limits of their own, so that nobody uses them up by calling the rest."""
    return {"ResourcePath": path, "HttpMethod": method, **_throttle(per_second)}


def _throttle(per_second: int) -> Resource:
    return {"ThrottlingRateLimit": per_second, "ThrottlingBurstLimit": per_second * BURST_SECONDS}


def _websocket_stage(resources: dict[str, Resource], doors: Doors) -> None:
    """A stage with AutoDeploy needs no deployment resource, which would have to be renamed with each change."""
    del resources["WebsocketAPIDeployment"]
    stage = resources["WebsocketAPIStage"]["Properties"]
    del stage["DeploymentId"]
    stage |= {"AutoDeploy": True, "DefaultRouteSettings": _throttle(doors.requests_per_second)}


def _outputs(inputs: AppInputs) -> dict[str, Any]:
    told = {**inputs.environment, **inputs.addresses.variables(inputs.environment)}
    return {
        "RestApiId": {"Ref": "RestAPI"},
        "WebsocketApiId": {"Ref": "WebsocketAPI"},
        "PublicUrl": told["VESTNIK_PUBLIC_URL"],
        "LiveUrl": told["VESTNIK_LIVE_URL"],
    }
