"""Chalice's own deployer, with its memory in the stage's bucket: any checkout can deploy over what another has."""

import json
from pathlib import Path

import pytest

from infra.account import Account
from infra.chalice_deploy import ChaliceApp, ChaliceError
from infra.stages import Doors

APP = """
from chalice import Chalice
app = Chalice(app_name="vestnik")
app.experimental_feature_flags.update(["WEBSOCKETS"])
@app.route("/")
def look():
    return {}
@app.on_ws_message()
def hear(event):
    pass
@app.lambda_function(name="public_pages")
def greet(event, context):
    return "hello"
"""
CONFIG = {
    "version": "2.0",
    "app_name": "vestnik",
    "minimum_compression_size": 1024,  # the emulator cannot do without
    "api_gateway_stage": "api",
    "stages": {
        "try": {
            "iam_policy_file": "policy.json",
            "autogen_policy": False,
            "lambda_functions": {
                name: {"iam_policy_file": "policy.json"} for name in ("public_pages", "websocket_message")
            },
        }
    },
}
DOORS = Doors(requests_per_second=7, page_requests_per_second=7)
LOGS = "arn:aws:logs:*:*:log-group:/aws/lambda/vestnik-try-*"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["logs:PutLogEvents"], "Resource": LOGS}],
}


@pytest.fixture
def credentials(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chalice is a process of its own: AWS_ENDPOINT_URL alone leads it elsewhere."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", str(account.endpoint_url))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")


def checkout(folder: Path) -> Path:
    """A fresh copy of the app's sources, which remembers nothing."""
    (folder / ".chalice").mkdir(parents=True)
    (folder / "app.py").write_text(APP)
    (folder / "requirements.txt").touch()
    (folder / ".chalice" / "config.json").write_text(json.dumps(CONFIG))
    (folder / ".chalice" / "policy.json").write_text(json.dumps(POLICY))
    return folder


def functions(account: Account) -> list[str]:
    return [one["FunctionName"] for one in account.lambdas.list_functions()["Functions"]]


def test_what_one_checkout_deployed_another_plans_over_and_a_third_deletes(
    account: Account, credentials: None, tmp_path: Path
) -> None:
    ChaliceApp(account, "try", project=checkout(tmp_path / "first")).deploy(DOORS)
    assert set(functions(account)) == {"vestnik-try", "vestnik-try-public_pages", "vestnik-try-websocket_message"}

    plan = ChaliceApp(account, "try", project=checkout(tmp_path / "second")).plan()
    assert "update_function" in plan
    assert "create_function" not in plan

    ChaliceApp(account, "try", project=checkout(tmp_path / "third")).delete()
    assert functions(account) == []
    ChaliceApp(account, "try", project=checkout(tmp_path / "fourth")).delete()  # there is nothing left, which is fine


def test_a_failure_of_chalice_is_an_error_with_its_command(account: Account, credentials: None, tmp_path: Path) -> None:
    broken = checkout(tmp_path / "broken")
    (broken / "app.py").write_text("this is no Python")
    with pytest.raises(ChaliceError, match="chalice deploy --stage try"):
        ChaliceApp(account, "try", project=broken).deploy(DOORS)
