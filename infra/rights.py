"""The least rights that a stage is deployed and looked after with, as IAM policies: made from what its templates hold,
so that they never fall behind. AWS says which actions the handlers of each type of resource call (the resource schemas,
which cfn-lint carries); here each action is bound to the stage's own names.

python -m infra.rights --stage prod --account 111122223333 --region eu-central-1                  # who deploys
python -m infra.rights --stage prod --account 111122223333 --region eu-central-1 --of operator    # who looks after it
python -m infra.rights --stage prod --account 111122223333 --region eu-central-1 --of restorer    # and may restore it
python -m infra.rights --stage prod --account 111122223333 --region eu-central-1 --of boundary    # what functions may
"""

import argparse
import json
from collections.abc import Iterable, Iterator
from typing import Any

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from infra.domain_stack import Outside, domain_template
from infra.readable_app import readable_app
from infra.releases import released
from infra.scopes import DEPLOYER, EVERYWHERE, NEVER, OPERATOR, RESTORER, SERVICES, Place
from infra.stages import require_fit, stage_config, stage_names
from infra.template_build import built_template

LIMIT = 6144  # characters of a managed policy, white space not counted ("IAM and AWS STS quotas")

Statement = dict[str, Any]


class UnscopedError(ValueError):
    """Permanent: a template holds what `scopes.py` says nothing of."""


def types_of(stage: str) -> set[str]:
    """Every type of resource in the stage's three stacks. Raises: SettingsError, PackagingError, TemplateError."""
    config, text = stage_config(stage), released(built_template(stage), {}, stage=stage)
    domain = domain_template(Outside(stage, config, config.certificate_arn, "-")) or {"Resources": {}}
    stacks = [json.loads(text), json.loads(readable_app(stage)), domain]
    return {one["Type"] for stack in stacks for one in stack["Resources"].values()}


def actions_of(types: Iterable[str]) -> set[str]:
    """What CloudFormation calls in our name to make, change and remove resources of these types. Raises: UnscopedError;
    ResourceNotFoundError of cfn-lint for a type that AWS has not."""
    found: set[str] = set()
    for kind in sorted(set(types)):
        handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema.get("handlers", {})
        asked = {_spelled(one) for handler in handlers.values() for one in handler["permissions"]}
        own = {one.partition(":")[0] for one in handlers.get("delete", {}).get("permissions", [])}
        if not own & SERVICES:  # to delete it, hardly another service is called than its own
            raise UnscopedError(f"infra/scopes.py says nothing of {kind}: name there what of it is the stage's")
        found |= asked
    return {one for one in found if not any(words in one for words in NEVER)}


def _spelled(action: str) -> str:
    service, _, call = action.partition(":")
    return f"{service}:{call[0].upper()}{call[1:]}"  # two schemas write theirs small


def deployer(place: Place, types: Iterable[str], *, boundary: str = "") -> list[dict[str, Any]]:
    """The policies of who deploys: as few documents as AWS's limit allows. With `boundary` no role can be made that it
    does not bind: without it whoever deploys can give a function more rights than they have."""
    wanted = actions_of(types) | DEPLOYER | OPERATOR  # the doctor looks at the stage after each deployment
    handed = [_pass_role(place), *_linked_roles(place)]
    statements = [*_statements(place, wanted - {"iam:PassRole"}, boundary=boundary), *handed]
    return list(_documents(statements))


def operator(place: Place) -> list[dict[str, Any]]:
    """The policies of who runs doctor, logs and manager: reading, and the tables of accounts and switches."""
    return list(_documents(_statements(place, OPERATOR)))


def restorer(place: Place) -> list[dict[str, Any]]:
    """The policies of who backs up and restores, and looks after the stage as well: they delete its tables."""
    return list(_documents([*_statements(place, RESTORER), _pass_role(place)]))  # the schedule's role, to stop it


def boundary(place: Place) -> list[dict[str, Any]]:
    """The most that a function of the stage may be given: its own resources, and nothing of IAM."""
    services = sorted({"dynamodb", "lambda", "logs", "s3", "sns", "sqs", "ssm", "ses"})
    own = [one for service in services for one in place.scopes()[service]]
    free = ["execute-api:ManageConnections", "lambda:GetAccountSettings", "ses:GetAccount", "sns:Publish"]
    free += ["social-messaging:SendWhatsAppMessage"]
    free += ["lambda:ListEventSourceMappings", "xray:PutTraceSegments", "xray:PutTelemetryRecords", "kms:Decrypt"]
    return list(
        _documents(
            [
                _allow([f"{service}:*" for service in services], [*own, *(f"{one}/*" for one in own)]),
                _allow(free, ["*"]),
            ]
        )
    )


def _statements(place: Place, wanted: Iterable[str], *, boundary: str = "") -> Iterator[Statement]:
    """An allowance for each service, on the stage's own; services without a scope are given nothing."""
    scopes, wanted = place.scopes(), set(wanted)
    if everywhere := sorted(wanted & EVERYWHERE):
        yield _allow(everywhere, ["*"])
    for service, resources in scopes.items():
        actions = sorted(one for one in wanted - EVERYWHERE if one.startswith(f"{service}:"))
        if service == "iam" and boundary:
            binding = [one for one in actions if one in _BOUND]
            actions = [one for one in actions if one not in _BOUND and "Boundary" not in one]
            condition = {"StringEquals": {"iam:PermissionsBoundary": boundary}}
            yield {**_allow(binding, resources), "Condition": condition}
        if actions:
            inside = [f"{one}/*" for one in resources] if service in ("s3", "dynamodb") else []
            yield _allow(actions, [*resources, *inside])


_BOUND = {"iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:PutRolePermissionsBoundary"}


def _pass_role(place: Place) -> Statement:
    roles = [one for one in place.scopes()["iam"] if ":role/" in one]
    services = [f"{one}.amazonaws.com" for one in ("lambda", "scheduler", "codedeploy")]
    return {**_allow(["iam:PassRole"], roles), "Condition": {"StringEquals": {"iam:PassedToService": services}}}


def _linked_roles(place: Place) -> Iterator[Statement]:
    """API Gateway has one for custom domains, made with an account's first ("Using service-linked roles")."""
    there = f"arn:{place.partition}:iam::{place.account}:role/aws-service-role/ops.apigateway.amazonaws.com/*"
    yield _allow(["iam:CreateServiceLinkedRole"], [there])


def _allow(actions: list[str], resources: Iterable[str]) -> Statement:
    return {"Effect": "Allow", "Action": actions, "Resource": list(resources)}


def _documents(statements: Iterable[Statement]) -> Iterator[dict[str, Any]]:
    packed: list[Statement] = []
    for one in statements:
        if packed and _size([*packed, one]) > LIMIT:
            yield _document(packed)
            packed = []
        packed.append(one)
    yield _document(packed)


def _document(statements: list[Statement]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _size(statements: list[Statement]) -> int:
    return len(json.dumps(_document(statements), separators=(",", ":")))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Print the least rights of whoever works on a stage.")
    parser.add_argument("--stage", required=True, choices=stage_names())
    parser.add_argument("--account", required=True, help="its twelve digits")
    parser.add_argument("--region", required=True)
    parser.add_argument("--of", default="deployer", choices=("deployer", "operator", "restorer", "boundary"))
    chosen = parser.parse_args(arguments)
    require_fit(chosen.stage)
    config = stage_config(chosen.stage)
    zone, acl = config.hosted_zone_id or "*", config.waf if isinstance(config.waf, str) else ""
    place = Place(chosen.stage, chosen.account, chosen.region, hosted_zone=zone, web_acl=acl)
    match chosen.of:
        case "deployer":
            found = deployer(place, types_of(chosen.stage), boundary=config.permissions_boundary)
        case "operator":
            found = operator(place)
        case "restorer":
            found = restorer(place)
        case _:
            found = boundary(place)
    print(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
