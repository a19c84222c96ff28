"""What docs/security.md says about encryption, secrets and personal data is true."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from infra.config_mistakes import CONFIG
from infra.paths import ROOT
from infra.variables import fields
from tests.contract.test_infra import template
from tests.integration.conftest import TABLES

__all__ = ["template"]

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
SOURCES = ("*.py", "*.md", "*.json", "*.yaml", "*.toml", "*.in", "*.sh", "*.html", "*.js", "Makefile")
NOT_OURS = {*(path.name for path in ROOT.glob(".venv*")), "build", "node_modules", ".git"}
SECRETS = {
    "an AWS key": re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    "an API key of ours": re.compile(r"\bvk_[A-Za-z0-9-]{1,64}_[A-Za-z0-9_-]{43}\b"),
    "a password's hash": re.compile(r"\$argon2id\$v=\d+\$[^\"'\s{]+\$[A-Za-z0-9+/]{40}"),
}


def of_type(resources: dict[str, Any], kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """All resources of a type, including those in the template's loops."""
    for name, one in resources.items():
        if name.startswith("Fn::ForEach"):
            yield from of_type(one[2], kind)
        elif one["Type"] == kind:
            yield name, one["Properties"]


@pytest.fixture
def resources(template: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = template["Resources"]
    return found


def test_every_table_is_encrypted_and_forgets_by_itself(resources: dict[str, Any]) -> None:
    tables = dict(of_type(resources, "AWS::DynamoDB::Table"))
    assert len(tables) > 8
    for name, table in tables.items():
        assert table["SSESpecification"] == {"SSEEnabled": True}, name
        assert table["TimeToLiveSpecification"]["Enabled"] is True, name


def test_every_queue_is_encrypted_and_keeps_its_messages_for_14_days(resources: dict[str, Any]) -> None:
    queues = dict(of_type(resources, "AWS::SQS::Queue"))
    assert len(queues) == 2
    for name, queue in queues.items():
        assert queue["SqsManagedSseEnabled"] is True, name
        assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600, name


def test_every_bucket_is_encrypted_and_closed(resources: dict[str, Any]) -> None:
    for name, bucket in of_type(resources, "AWS::S3::Bucket"):
        assert bucket["BucketEncryption"], name
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}, name


POLICIES = ("AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy")
# Its numbers are given to the topic by hand, after the deploy.
OF_THE_ACCOUNT_ALONE = {"SmsRepliesPolicy"}


def test_a_service_acts_on_the_word_of_our_own_things_alone(resources: dict[str, Any]) -> None:
    """The confused deputy: another account's SES, alarm or schedule speaks to nothing of ours."""
    policies = [one for kind in POLICIES for one in of_type(resources, kind)]
    assert len(policies) >= 5
    for name, policy in policies:
        for stated in policy["PolicyDocument"]["Statement"]:
            statement = stated[1] if isinstance(stated, list) else stated  # where a condition holds
            if statement["Effect"] == "Deny":
                continue
            assert set(statement["Principal"]) == {"Service"}, name
            asked = {key.lower() for one in statement["Condition"].values() for key in one}
            if name in OF_THE_ACCOUNT_ALONE:
                assert asked == {"aws:sourceaccount"}, name
            else:
                assert "aws:sourcearn" in asked, name
                arns = json.dumps([each for one in statement["Condition"].values() for each in one.values()])
                assert ":*" not in arns.replace(":alarm:vestnik-${Stage}-*", ""), name


def test_events_of_letters_come_from_the_two_configuration_sets_of_this_stage(resources: dict[str, Any]) -> None:
    [statement] = dict(of_type(resources, "AWS::SNS::TopicPolicy"))["SesEventsPolicy"]["PolicyDocument"]["Statement"]
    sets = [one["Name"] for _, one in of_type(resources, "AWS::SES::ConfigurationSet")]
    arns = statement["Condition"]["ArnEquals"]["AWS:SourceArn"]
    assert sorted(arn.rpartition("/")[2] for arn in arns) == sorted(sets)
    assert all(":${AWS::AccountId}:configuration-set/" in arn for arn in arns)


def test_a_role_is_taken_by_its_own_service_only_for_this_account(resources: dict[str, Any]) -> None:
    for name, role in of_type(resources, "AWS::IAM::Role"):
        for statement in role["AssumeRolePolicyDocument"]["Statement"]:
            if statement["Principal"] != {"Service": "lambda.amazonaws.com"}:  # takes a role only to run our function
                assert set(statement["Condition"]) == {"StringEquals", "ArnEquals"}, name


def test_no_page_but_our_own_may_upload_a_list_from_a_browser(resources: dict[str, Any]) -> None:
    buckets = dict(of_type(resources, "AWS::S3::Bucket"))
    asked = {name: one["CorsConfiguration"] for name, one in buckets.items() if "CorsConfiguration" in one}
    assert asked.keys() == {"ListUploads"}
    for answers in asked.values():
        [rule] = answers["CorsRules"]
        assert (rule["AllowedMethods"], rule["AllowedHeaders"]) == (["PUT"], ["content-type"])
        assert "*" not in json.dumps(rule)
        [origin] = rule["AllowedOrigins"]
        assert origin == ["${Scheme}//${Host}", {"Scheme": [0, ["/", "PublicUrl"]], "Host": [2, ["/", "PublicUrl"]]}]


def test_logs_are_forgotten(resources: dict[str, Any]) -> None:
    groups = dict(of_type(resources, "AWS::Logs::LogGroup"))
    assert {group["RetentionInDays"] for group in groups.values()} == {30}


def test_no_secret_stands_in_the_environment_of_a_function() -> None:
    config = json.loads(CONFIG.read_text())
    stages = [config, *config["stages"].values()]
    names = set(fields()).union(*(stage["environment_variables"] for stage in stages))
    assert [name for name in names if re.search(r"SECRET|TOKEN|PASSWORD|CREDENTIAL|_KEY$", name)] == []


@pytest.mark.parametrize("kind", SECRETS)
def test_no_secret_stands_in_the_repository(kind: str) -> None:
    assert [path for path, text in texts().items() if SECRETS[kind].search(text)] == []


@cache
def texts() -> dict[str, str]:
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in sources(ROOT)}


def sources(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            yield from sources(path) if path.name not in NOT_OURS else ()
        elif path.is_file() and any(fnmatch(path.name, pattern) for pattern in SOURCES):
            yield path


def test_of_every_table_the_page_says_what_it_holds_of_people() -> None:
    personal_data = PAGE[PAGE.index("## Personal data") : PAGE.index("## Dependencies")]
    named = set(re.findall(r"`([a-z-]+)`", personal_data))
    assert {table.Meta.thing for table in TABLES} - named == set()


def test_every_test_that_the_page_names_exists() -> None:
    files = set(re.findall(r"`(tests/[\w/]+(?:\.py)?/?)`", PAGE))
    names = set(re.findall(r"`(test_\w+\.py)`", PAGE))
    functions = set(re.findall(r"`(test_\w+)`", PAGE))
    everything = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))

    assert [one for one in files if not (ROOT / one).exists()] == []
    assert [one for one in names if not list((ROOT / "tests").rglob(one))] == []
    assert [one for one in functions if f"def {one}(" not in everything] == []
