"""Every command that works on a stage ends in one line where AWS cannot be asked."""

from collections.abc import Callable

import pytest
from botocore.exceptions import EndpointConnectionError

from infra import deploy, destroy, doctor, managers
from infra.reaching_aws import reaching_aws
from tools import logs

COMMANDS: dict[str, Callable[[], object]] = {
    "deploy": lambda: deploy.main(["--stage", "prod", "--yes"]),
    "destroy": lambda: destroy.main(["--stage", "prod", "--yes"]),
    "doctor": lambda: doctor.main(["--stage", "prod"]),
    "managers": lambda: managers.main(["--stage", "prod", "add", "olga"]),
    "logs": lambda: logs.main(["--stage", "prod"]),
}


@pytest.fixture(autouse=True)
def nobody(own_environment: None, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Neither a region nor credentials, wherever boto3 looks."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    nothing = tmp_path_factory.mktemp("aws") / "none"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(nothing))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nothing))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_region_a_command_says_so_in_a_line(command: str) -> None:
    """Promise G5: a command that cannot reach AWS says what to do, in one line."""
    with pytest.raises(SystemExit, match=rf"^{command}: no AWS region is chosen: export AWS_REGION=.*$"):
        COMMANDS[command]()


@pytest.mark.parametrize("command", COMMANDS)
def test_without_credentials_a_command_says_so_in_a_line(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with pytest.raises(SystemExit, match=rf"^{command}: no AWS credentials are found: .*$"):
        COMMANDS[command]()


def test_what_aws_answers_is_one_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "eu-central-1")
    with pytest.raises(SystemExit, match=r"^deploy: AWS: Could not connect .*$"), reaching_aws("deploy"):
        raise EndpointConnectionError(endpoint_url="https://sqs.example")
