"""What leads from a stage's domains to its APIs, and the firewall: parts of the app's template, made where the stage
has `domain`, `live_domain` or `waf`."""

from typing import Any

from infra.stage_config import StageConfig

Resources = dict[str, dict[str, Any]]

STAGE_NAME = "api"
CALLS_IN_FIVE_MINUTES = 2_000  # of one address, to what people use; services with a key are limited by their key
# The common rules that our own bodies break: letters are HTML with links, uploads are long.
_OURS = (
    *("SizeRestrictions_BODY", "CrossSiteScripting_BODY", "GenericLFI_BODY", "GenericRFI_BODY"),
    *("GenericRFI_QUERYARGUMENTS", "NoUserAgent_HEADER", "EC2MetaDataSSRF_BODY"),
)
_MANAGED: dict[str, tuple[str, ...]] = {
    "AWSManagedRulesAmazonIpReputationList": (),
    "AWSManagedRulesKnownBadInputsRuleSet": (),
    "AWSManagedRulesCommonRuleSet": _OURS,
}


def outer_resources(stage: str, config: StageConfig) -> Resources:
    """The mappings and the firewall; RestAPI, WebsocketAPI and their stages are those of the app's template."""
    return {**_mappings(config), **_firewall(stage, config)}


def _mappings(config: StageConfig) -> Resources:
    found: Resources = {}
    if config.domain:
        path = {"BasePath": config.base_path} if config.base_path else {}
        stated = {"DomainName": config.domain, "RestApiId": {"Ref": "RestAPI"}, "Stage": STAGE_NAME, **path}
        found["DomainMapping"] = {
            "Type": "AWS::ApiGateway::BasePathMapping",
            "DependsOn": f"RestAPI{STAGE_NAME}Stage",
            "Properties": stated,
        }
    if config.live_domain:
        stated = {"DomainName": config.live_domain, "ApiId": {"Ref": "WebsocketAPI"}, "Stage": STAGE_NAME}
        found["LiveDomainMapping"] = {
            "Type": "AWS::ApiGatewayV2::ApiMapping",
            "DependsOn": "WebsocketAPIStage",
            "Properties": stated,
        }
    return found


def _firewall(stage: str, config: StageConfig) -> Resources:
    """Before the REST API only: AWS WAF supports no WebSocket API ("Resources that you can protect with AWS WAF")."""
    if not config.waf:
        return {}
    own = {"Firewall": _rules(f"vestnik-{stage}")} if config.waf is True else {}
    there = f"arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}::/restapis/${{RestAPI}}/stages/{STAGE_NAME}"
    arn = {"Fn::GetAtt": ["Firewall", "Arn"]} if config.waf is True else config.waf
    return {
        **own,
        "FirewallOfRestAPI": {
            "Type": "AWS::WAFv2::WebACLAssociation",
            "DependsOn": f"RestAPI{STAGE_NAME}Stage",
            "Properties": {"ResourceArn": {"Fn::Sub": there}, "WebACLArn": arn},
        },
    }


def _rules(name: str) -> dict[str, Any]:
    managed = [_managed(order, rules, counted) for order, (rules, counted) in enumerate(_MANAGED.items())]
    return {
        "Type": "AWS::WAFv2::WebACL",
        "Properties": {
            "Name": name,
            "Scope": "REGIONAL",
            "DefaultAction": {"Allow": {}},
            "Rules": [*managed, _rate(len(managed))],
            "VisibilityConfig": _seen(name),
        },
    }


def _managed(order: int, name: str, counted: tuple[str, ...]) -> dict[str, Any]:
    overrides = [{"Name": one, "ActionToUse": {"Count": {}}} for one in counted]
    group = {"VendorName": "AWS", "Name": name, **({"RuleActionOverrides": overrides} if overrides else {})}
    return {
        "Name": name,
        "Priority": order,
        "OverrideAction": {"None": {}},
        "Statement": {"ManagedRuleGroupStatement": group},
        "VisibilityConfig": _seen(name),
    }


def _rate(order: int) -> dict[str, Any]:
    """Services call from one address as often as their key allows, so `/v1/` is not counted."""
    found = {
        "SearchString": "/v1/",
        "FieldToMatch": {"UriPath": {}},
        "PositionalConstraint": "CONTAINS",
        "TextTransformations": [{"Priority": 0, "Type": "NONE"}],
    }
    counted = {"Limit": CALLS_IN_FIVE_MINUTES, "AggregateKeyType": "IP", "EvaluationWindowSec": 300}
    scope = {"ScopeDownStatement": {"NotStatement": {"Statement": {"ByteMatchStatement": found}}}}
    return {
        "Name": "calls-of-one-address",
        "Priority": order,
        "Action": {"Block": {}},
        "Statement": {"RateBasedStatement": {**counted, **scope}},
        "VisibilityConfig": _seen("calls-of-one-address"),
    }


def _seen(name: str) -> dict[str, Any]:
    return {"CloudWatchMetricsEnabled": True, "SampledRequestsEnabled": False, "MetricName": name}
