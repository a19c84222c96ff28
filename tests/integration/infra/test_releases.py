"""A release on the emulator: the alias moves to a version of what the function runs with now. CodeDeploy, which moves
it bit by bit, is on AWS alone."""

import io
import json
import time
import zipfile
from typing import Any

import pytest

from infra.account import Account
from infra.releases import with_releases
from infra.stacks import delete_stack, deploy_stack

CODE = "import os\ndef handler(event, context):\n    return [os.environ['WORD'], context.function_version]\n"
ROLE = {
    "Type": "AWS::IAM::Role",
    "Properties": {
        "RoleName": "vestnik-try-echo",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []},
    },
}


def template(account: Account) -> dict[str, Any]:
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("echo.py", CODE)
    bucket = account.artifact_bucket("try")
    account.s3.put_object(Bucket=bucket, Key="echo.zip", Body=zipped.getvalue())
    return {
        "Parameters": {"Word": {"Type": "String"}},
        "Resources": {
            "Role": ROLE,
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "vestnik-try-echo"}},
            "Echo": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "FunctionName": "vestnik-try-echo",
                    "Handler": "echo.handler",
                    "Runtime": "python3.11",
                    "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                    "Code": {"S3Bucket": bucket, "S3Key": "echo.zip"},
                    "Environment": {"Variables": {"WORD": {"Ref": "Word"}}},
                },
            },
            "Mapping": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {"EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]}, "FunctionName": {"Ref": "Echo"}},
            },
        },
    }


def release(account: Account, word: str) -> bool:
    given = {"Word": word}
    text = json.dumps(with_releases(template(account), given, stage="try", canary=None))
    url = account.upload_text(account.artifact_bucket("try"), "echo", text)
    return deploy_stack(account.cloudformation, "echo", template=text, template_url=url, parameters=given)


def answer(account: Account) -> list[str]:
    called = account.lambdas.invoke(FunctionName="vestnik-try-echo", Qualifier="live")
    said: list[str] = json.loads(called["Payload"].read())
    return said


@pytest.fixture
def echo(account: Account) -> Any:
    release(account, "first")
    yield
    delete_stack(account.cloudformation, "echo")


def test_a_release_of_a_setting_alone_is_published_and_the_way_back_is_a_release_too(
    account: Account, echo: None
) -> None:
    assert answer(account)[0] == "first"
    assert release(account, "first") is False
    assert release(account, "second") is True
    assert answer(account)[0] == "second"
    assert release(account, "first") is True
    assert answer(account)[0] == "first"


def test_the_queue_is_read_by_the_alias(account: Account, echo: None) -> None:
    [mapping] = [
        one
        for one in account.lambdas.list_event_source_mappings()["EventSourceMappings"]
        if one["EventSourceArn"].endswith(":vestnik-try-echo")
    ]
    assert mapping["FunctionArn"].endswith(":vestnik-try-echo:live")


def test_one_version_is_left_so_that_nothing_old_costs_anything(account: Account, echo: None) -> None:
    release(account, "second")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and len(versions(account)) > 1:
        time.sleep(0.2)
    assert len(versions(account)) == 1


def versions(account: Account) -> list[str]:
    listed = account.lambdas.list_versions_by_function(FunctionName="vestnik-try-echo")["Versions"]
    return [one["Version"] for one in listed if one["Version"] != "$LATEST"]
