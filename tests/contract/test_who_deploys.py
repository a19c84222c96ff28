"""The rights of whoever deploys: enough for all that the templates hold, of actions that AWS knows, and on the stage's
own resources alone."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from infra.paths import ROOT
from infra.rights import LIMIT, UnscopedError, actions_of, boundary, deployer, operator, restorer, types_of
from infra.scopes import EVERYWHERE, Place
from tests.contract.calls_of_aws import calls_of
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


# Whose rights a command asks for, and a call by which it is seen that its source was read to the end.
COMMANDS = {
    "infra.deploy": ("deployer", "execute_change_set"),
    "infra.destroy": ("deployer", "delete_stack"),
    "infra.drift": ("deployer", "detect_stack_drift"),
    "infra.smoke": ("operator", "describe_stacks"),
    "infra.doctor": ("operator", "get_schedule"),
    "infra.managers": ("operator", "describe_stacks"),
    "tools.logs": ("operator", "filter_log_events"),
    "infra.backup": ("restorer", "create_backup"),
    "infra.restore": ("restorer", "restore_table_from_backup"),
}


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_whoever_runs_a_command_may_do_what_it_calls(command: str, types: set[str]) -> None:
    whose, known = COMMANDS[command]
    sets = {"deployer": deployer(PLACE, types), "operator": operator(PLACE), "restorer": restorer(PLACE)}
    allowed = {action for one in statements(sets[whose]) for action in one["Action"]}
    calls = calls_of(command)
    assert known in calls
    assert {name: actions for name, actions in calls.items() if not actions & allowed} == {}


def test_no_command_of_a_stage_is_forgotten_here() -> None:
    named = set(re.findall(r"-m ((?:infra|tools)\.\w+) --stage", (ROOT / "Makefile").read_text(encoding="utf-8")))
    assert {command for command in named if calls_of(command)} == set(COMMANDS)


def test_a_table_is_restored_by_who_may_write_its_rows_and_stop_its_schedule() -> None:
    """What AWS asks of the caller beside the call itself."""
    allowed = {action for one in statements(restorer(PLACE)) for action in one["Action"]}
    rows = ("PutItem", "UpdateItem", "DeleteItem", "GetItem", "Query", "Scan", "BatchWriteItem")
    assert {f"dynamodb:{one}" for one in rows} | {"iam:PassRole"} <= allowed
    assert "dynamodb:DeleteTable" not in {action for one in statements(operator(PLACE)) for action in one["Action"]}


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
    given = {
        action
        for one in statements([*deployer(PLACE, types), *operator(PLACE), *restorer(PLACE)])
        for action in one["Action"]
    }
    assert given - known == set()


def test_no_right_is_on_what_another_stage_has(types: set[str]) -> None:
    """What has ids instead of names (APIs, certificates, mappings of queues) cannot be told apart."""
    for one in statements([*deployer(PLACE, types), *operator(PLACE), *restorer(PLACE)]):
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
    both = [*deployer(PLACE, types), *restorer(PLACE)]
    passing, again = (one for one in statements(both) if "iam:PassRole" in one["Action"])
    assert passing == again
    assert passing["Resource"] == ["arn:aws:iam::111122223333:role/vestnik-prod-*"]
    assert "lambda.amazonaws.com" in json.dumps(passing["Condition"])


def test_a_firewall_of_ones_own_may_be_put_before_the_api(types: set[str]) -> None:
    arn = "arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/company/1"
    for documents in (deployer(PLACE._replace(web_acl=arn), types), operator(PLACE._replace(web_acl=arn))):
        [given] = [one for one in statements(documents) if any(name.startswith("wafv2:Get") for name in one["Action"])]
        assert arn in given["Resource"]


def test_with_a_boundary_no_role_is_made_without_it(types: set[str]) -> None:
    for one in statements(deployer(PLACE, types, boundary=BOUNDARY)):
        if {"iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"} & set(one["Action"]):
            assert one["Condition"] == {"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}}
        assert "iam:DeleteRolePermissionsBoundary" not in one["Action"]


def test_a_boundary_lets_no_function_into_iam() -> None:
    assert not [action for one in statements(boundary(PLACE)) for action in one["Action"] if action.startswith("iam:")]


def test_each_document_is_as_short_as_a_managed_policy_has_to_be(types: set[str]) -> None:
    for documents in (deployer(PLACE, types, boundary=BOUNDARY), operator(PLACE), restorer(PLACE), boundary(PLACE)):
        assert all(len(json.dumps(one, separators=(",", ":"))) <= LIMIT for one in documents)
        assert len(documents) <= 3
