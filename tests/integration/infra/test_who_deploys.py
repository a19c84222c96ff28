"""A stage deployed, looked at and taken away with the rights of `infra.rights` and no other: the emulator refuses what
they leave out. What CloudFormation itself calls in our name only AWS asks for; `tests/contract/test_who_deploys.py`."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from infra import deploy, destroy, doctor
from infra.rights import deployer, operator, types_of
from infra.scopes import Place
from tests.ministack import ministack

STAGE, REGION, ACCOUNT = "dev", "eu-central-1", "000000000000"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTH", "true")
        with ministack() as url:
            yield url


def root(service: str, url: str) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def become(shell: pytest.MonkeyPatch, url: str, name: str, documents: list[dict[str, object]]) -> None:
    """From now on the shell has the keys of somebody with these policies."""
    iam = root("iam", url)
    iam.create_user(UserName=name)
    for number, document in enumerate(documents):
        arn = iam.create_policy(PolicyName=f"{name}-{number}", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
        iam.attach_user_policy(UserName=name, PolicyArn=arn)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    shell.setenv("AWS_ENDPOINT_URL", url)
    shell.setenv("AWS_DEFAULT_REGION", REGION)
    shell.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    shell.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    shell.setattr(boto3, "DEFAULT_SESSION", None)  # a command is a new process, which knows no other keys


def test_these_rights_suffice_from_the_first_deployment_to_the_end(
    url: str, own_environment: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Place(STAGE, ACCOUNT, REGION)
    become(monkeypatch, url, "deployer", deployer(place, types_of(STAGE)))
    assert deploy.main(["--stage", STAGE]) == 0, capsys.readouterr().err
    assert deploy.main(["--stage", STAGE]) == 0
    capsys.readouterr()
    become(monkeypatch, url, "operator", operator(place))
    doctor.main(["--stage", STAGE])
    told = capsys.readouterr().out
    # The emulator takes GET /concurrency for a PUT; at AWS it is GetFunctionConcurrency, which the operator has.
    assert "no right to" not in told.replace("no right to lambda:PutFunctionConcurrency", "")
    assert "well   stack" in told
    assert destroy.main(["--stage", STAGE, "--yes"]) == 1
    assert "these credentials may not see it" in capsys.readouterr().err
    # The buckets refuse whoever comes without TLS, and the emulator has none.
    for bucket in ("lists", "files"):
        root("s3", url).delete_bucket_policy(Bucket=f"vestnik-{STAGE}-{bucket}-{ACCOUNT}-{REGION}")
    become(monkeypatch, url, "remover", deployer(place, types_of(STAGE)))
    assert destroy.main(["--stage", STAGE, "--yes"]) == 0


def test_who_may_nothing_is_told_what_they_lack(
    url: str, own_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    become(monkeypatch, url, "nobody", [])
    with pytest.raises(SystemExit, match=r"^deploy: these credentials have no right to .*\n  do: .*infra\.rights"):
        deploy.main(["--stage", STAGE])
