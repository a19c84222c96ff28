"""Plain `chalice deploy --stage S`, as a person types it, on the emulator with the two calls of API Gateway that it
lacks put before it; and what `make deploy` says about a stage that was deployed like this."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import requests

from infra import deploy
from infra.account import Account
from infra.app_checkup import AppCheckup
from infra.other_way import made_by_chalice
from infra.paths import ROOT
from tests.integration.infra.rest_api_importer import rest_api_importer

STAGE = "dev"


@pytest.fixture(scope="module")
def leading(account: Account) -> Iterator[Mapping[str, str]]:
    """What a person has set before they type the command."""
    with rest_api_importer(account) as gateway:
        yield {
            "AWS_ENDPOINT_URL": str(account.endpoint_url),
            "AWS_ENDPOINT_URL_API_GATEWAY": gateway,
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This checkout, without packages: the emulator's functions have those of this environment."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("chalicelib", ".chalice", "vendor"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("deployed", "__pycache__"))
    shutil.copy(ROOT / "app.py", folder)
    (folder / "requirements.txt").touch()
    return folder


@pytest.fixture(scope="module")
def api(account: Account, leading: Mapping[str, str], project: Path) -> Iterator[str]:
    """Where the deployed API answers."""
    chalice(project, "deploy", leading)
    [made] = account.rest_apis.get_rest_apis()["items"]
    yield f"{account.endpoint_url}/_aws/execute-api/{made['id']}/api"
    chalice(project, "delete", leading)
    account.logs.delete_log_group(logGroupName=f"/aws/lambda/vestnik-{STAGE}")  # nobody else knows of it
    assert made_by_chalice(account, STAGE) is None
    assert account.lambdas.list_functions()["Functions"] == []


def chalice(project: Path, verb: str, leading: Mapping[str, str]) -> None:
    command: list[str | Path] = [Path(sys.executable).with_name("chalice"), verb, "--stage", STAGE]
    subprocess.run(command, cwd=project, check=True, env={**os.environ, **leading})


def test_it_makes_an_app_that_answers(api: str) -> None:
    assert requests.get(f"{api}/healthz", timeout=60).json() == {"status": "ok", "stage": STAGE}
    assert requests.get(f"{api}/v1/notifications", timeout=60).status_code == 401


def test_the_doctor_says_what_it_leaves_out(account: Account, api: str) -> None:
    [found] = AppCheckup(account, STAGE).stack()
    assert "no limit of calls" in found.wrong
    [found] = AppCheckup(account, STAGE).pages()
    assert "the API's function answers the public pages" in found.wrong


def test_make_deploy_changes_nothing_and_says_what_to_do(
    account: Account,
    api: str,
    leading: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in leading.items():
        monkeypatch.setenv(name, value)
    assert deploy.main(["--stage", STAGE]) == 1
    said = capsys.readouterr().err
    assert "nothing was changed" in said
    assert f"`.venv/bin/chalice delete --stage {STAGE}`" in said
    assert account.outputs(f"vestnik-{STAGE}-app") == {}
    assert [one for one in account.dynamodb.list_tables()["TableNames"] if f"-{STAGE}-" in one] == []


def test_a_stack_that_chalice_was_run_over_is_told_apart(account: Account) -> None:
    made = account.websocket_apis.create_api(
        Name="vestnik-prod-websocket-api", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )
    try:
        assert "Do NOT run `chalice delete`" in str(made_by_chalice(account, "prod"))
    finally:
        account.websocket_apis.delete_api(ApiId=made["ApiId"])
