"""Taking a stage away: the data stays unless told, and a second try is harmless."""

import json

import pytest
from botocore.exceptions import ClientError

from chalicelib.security.signing import parameter_name
from infra import deploy
from infra.account import Account
from infra.destroy import destroy, main
from infra.protection import protect, unprotect
from infra.stacks import delete_stack, deploy_stack
from infra.stage_keys import ensure_keys
from tests.integration.infra.test_stacks import TABLE


@pytest.fixture
def stage(account: Account) -> str:
    """A stage with a table, a bucket of lists with somebody's list in it, and a signing key."""
    lists = f"vestnik-try-lists-{account.number}-{account.region}"
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": lists}}
    template = json.dumps({"Resources": {"Kept": TABLE, "Lists": bucket}})
    url = account.upload_text(account.artifact_bucket("try"), "try-infra", template)
    deploy_stack(account.cloudformation, "vestnik-try-infra", template=template, template_url=url, parameters={})
    account.s3.put_object(Bucket=lists, Key="a-list.csv", Body=b"id\nanna\n")
    ensure_keys(account, "try")
    return "try"


def tables(account: Account) -> list[str]:
    return account.dynamodb.list_tables()["TableNames"]


def has_signing_key(account: Account) -> bool:
    return bool(
        account.ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [parameter_name("try")]}])[
            "Parameters"
        ]
    )


def test_the_data_stays_and_is_named(account: Account, stage: str) -> None:
    assert destroy(account, stage, with_data=False) == ["vestnik-try-kept"]
    assert tables(account) == ["vestnik-try-kept"]
    assert has_signing_key(account)


def test_with_its_data_nothing_is_left_and_a_second_time_finds_nothing(account: Account, stage: str) -> None:
    for _ in range(2):
        assert destroy(account, stage, with_data=True) == []
    assert tables(account) == []
    assert not has_signing_key(account)
    assert [one["Name"] for one in account.s3.list_buckets()["Buckets"] if "-try-" in one["Name"]] == []
    account.artifact_bucket("try")  # for whoever comes next


@pytest.mark.parametrize("typed", ["", "dev", "yes"])
def test_anything_but_the_name_of_the_stage_is_a_no(
    typed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("builtins.input", lambda _question: typed)
    assert main(["--stage", "prod"]) == 1
    assert not deploy.agrees("prod", ["+ Something"])
    assert "nothing was changed" in capsys.readouterr().err


def test_the_name_of_the_stage_is_a_yes_and_what_changes_was_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("builtins.input", lambda _question: "prod ")
    assert deploy.agrees("prod", ["+ Something"])
    assert "+ Something" in capsys.readouterr().out


def test_where_nobody_can_be_asked_the_answer_is_no(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nobody(_question: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    assert not deploy.agrees("prod", [])
    assert "--yes" in capsys.readouterr().err


def test_what_is_protected_is_deleted_by_nobody_but_this_command(account: Account, stage: str) -> None:
    account.cloudformation.update_termination_protection(
        StackName="vestnik-try-infra", EnableTerminationProtection=True
    )
    account.dynamodb.update_table(TableName="vestnik-try-kept", DeletionProtectionEnabled=True)
    with pytest.raises(ClientError, match="TerminationProtection"):
        account.cloudformation.delete_stack(StackName="vestnik-try-infra")
    assert destroy(account, stage, with_data=True) == []
    assert tables(account) == []


def test_production_is_protected_and_other_stages_are_not(account: Account) -> None:
    topic = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    for name in ("prod", "dev"):
        url = account.upload_text(account.artifact_bucket("try"), "topic", topic)
        client = account.cloudformation
        deploy_stack(client, f"vestnik-{name}-infra", template=topic, template_url=url, parameters={})
        protect(account, name)
    found = {
        name: account.cloudformation.describe_stacks(StackName=f"vestnik-{name}-infra")["Stacks"][0]
        for name in ("prod", "dev")
    }
    assert {name: one["EnableTerminationProtection"] for name, one in found.items()} == {"prod": True, "dev": False}
    for name in ("prod", "dev"):
        unprotect(account, name)
        delete_stack(account.cloudformation, f"vestnik-{name}-infra")
