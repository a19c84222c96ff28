"""The rights of whoever deploys: enough for all that the templates hold, of actions that AWS knows, and on the stage's
own resources alone."""

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from infra.rights import LIMIT, UnscopedError, actions_of, boundary, deployer, operator, types_of
from infra.scopes import EVERYWHERE, Place
from tests.contract.test_rights import REFERENCE

PLACE = Place("prod", "111122223333", "eu-central-1")
BOUNDARY = "arn:aws:iam::111122223333:policy/edge"


@pytest.fixture(scope="module")
def types() -> set[str]:
    return types_of("prod")


def statements(documents: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for document in documents:
        yield from document["Statement"]


def test_every_type_of_the_templates_may_be_made_changed_and_removed(types: set[str]) -> None:
    """By what AWS's own handlers of each type call, on the services that the stage has something of."""
    assert types > {"AWS::DynamoDB::Table", "AWS::ApiGateway::RestApi", "AWS::Lambda::Alias", "AWS::IAM::Role"}
    allowed = {action for one in statements(deployer(PLACE, types)) for action in one["Action"]}
    scoped = {one for one in actions_of(types) if one.partition(":")[0] in PLACE.scopes()}
    assert scoped <= allowed


def test_a_type_that_nobody_has_thought_of_is_refused(types: set[str]) -> None:
    with pytest.raises(UnscopedError, match="AWS::StepFunctions::StateMachine"):
        deployer(PLACE, types | {"AWS::StepFunctions::StateMachine"})


def test_every_action_exists_at_aws(types: set[str]) -> None:
    known = {
        f"{service}:{name}"
        for service, said in REFERENCE.items()
        if isinstance(said, dict)
        for name in said.get("privileges", {})
    }
    given = {action for one in statements([*deployer(PLACE, types), *operator(PLACE)]) for action in one["Action"]}
    assert given - known == set()


def test_no_right_is_on_what_another_stage_has(types: set[str]) -> None:
    """What has ids instead of names (APIs, certificates, mappings of queues) cannot be told apart."""
    for one in statements([*deployer(PLACE, types), *operator(PLACE)]):
        if one["Resource"] == ["*"]:
            assert set(one["Action"]) <= EVERYWHERE
            continue
        for resource in one["Resource"]:
            for other in (
                "arn:aws:dynamodb:eu-central-1:111122223333:table/vestnik-dev-users",
                "arn:aws:iam::111122223333:role/admin",
                "arn:aws:s3:::vestnik-dev-lists-111122223333-eu-central-1",
                "arn:aws:ssm:eu-central-1:111122223333:parameter/vestnik/dev/signing-key",
                "arn:aws:lambda:eu-central-1:111122223333:function:other",
                "arn:aws:sqs:us-east-1:111122223333:vestnik-prod-retry",
            ):
                assert not fnmatchcase(other, resource), (resource, other)


def test_roles_are_handed_to_the_services_that_run_them_alone(types: set[str]) -> None:
    [passing] = [one for one in statements(deployer(PLACE, types)) if "iam:PassRole" in one["Action"]]
    assert passing["Resource"] == ["arn:aws:iam::111122223333:role/vestnik-prod-*"]
    assert "lambda.amazonaws.com" in json.dumps(passing["Condition"])


def test_with_a_boundary_no_role_is_made_without_it(types: set[str]) -> None:
    for one in statements(deployer(PLACE, types, boundary=BOUNDARY)):
        if {"iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"} & set(one["Action"]):
            assert one["Condition"] == {"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}}
        assert "iam:DeleteRolePermissionsBoundary" not in one["Action"]


def test_a_boundary_lets_no_function_into_iam() -> None:
    assert not [action for one in statements(boundary(PLACE)) for action in one["Action"] if action.startswith("iam:")]


def test_each_document_is_as_short_as_a_managed_policy_has_to_be(types: set[str]) -> None:
    for documents in (deployer(PLACE, types, boundary=BOUNDARY), operator(PLACE), boundary(PLACE)):
        assert all(len(json.dumps(one, separators=(",", ":"))) <= LIMIT for one in documents)
        assert len(documents) <= 3
