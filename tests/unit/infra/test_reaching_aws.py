"""Every command that works on a stage ends in two lines where AWS cannot be asked or refuses."""

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from boto3.exceptions import S3UploadFailedError
from botocore import endpoint
from botocore.exceptions import ClientError

from infra import backup, config_mistakes, deploy, destroy, doctor, managers, package, restore, sbom
from infra.obstacles import missing_rights
from infra.reaching_aws import reaching_aws
from tests.unit.infra.refusing_aws import Refusal, refusing_aws
from tools import logs

COMMANDS: dict[str, Callable[[], object]] = {
    "deploy": lambda: deploy.main(["--stage", "prod", "--yes"]),
    "destroy": lambda: destroy.main(["--stage", "prod", "--yes"]),
    "doctor": lambda: doctor.main(["--stage", "prod"]),
    "managers": lambda: managers.main(["--stage", "prod", "add", "olga"]),
    "logs": lambda: logs.main(["--stage", "prod"]),
    "backup": lambda: backup.main(["--stage", "prod"]),
    "restore": lambda: restore.main(["--stage", "prod", "--from", "a-backup", "--yes"]),
}


@pytest.fixture(autouse=True)
def shell(
    own_environment: None, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> pytest.MonkeyPatch:
    """Neither a region nor credentials, wherever boto3 looks; what it tries again it tries at once."""
    monkeypatch.setattr(endpoint, "time", SimpleNamespace(sleep=lambda _: None))
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    nothing = tmp_path_factory.mktemp("aws") / "none"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(nothing))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nothing))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


def in_the_shell(shell: pytest.MonkeyPatch, **values: str) -> None:
    """Region and keys, unless the test has others."""
    keys = {"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "wrong"}
    for name, value in {"AWS_DEFAULT_REGION": "eu-central-1", **keys, **values}.items():
        shell.setenv(name, value)


def end_of(command: str) -> str:
    """What it says at its end, in two lines at most."""
    with pytest.raises(SystemExit) as ended:
        COMMANDS[command]()
    said = str(ended.value)
    assert said.startswith(f"{command}: ")
    assert "\n  do: " in said
    assert said.count("\n") == 1
    return said


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_region_a_command_says_so(command: str) -> None:
    """Promise G5: a command that cannot reach AWS says what is wrong and what to do, in two lines."""
    assert end_of(command) == (
        f"{command}: no AWS region is chosen\n  do: export AWS_REGION=eu-central-1 (yours), or `aws configure`"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_without_credentials_a_command_says_so(command: str, shell: pytest.MonkeyPatch) -> None:
    """And the region may be told as the message asks for it."""
    shell.setenv("AWS_REGION", "eu-central-1")
    assert "no AWS credentials are found\n  do: export AWS_PROFILE=<yours>" in end_of(command)


SHELLS: dict[str, tuple[dict[str, str], str]] = {
    "a profile that is not there": ({"AWS_PROFILE": "nobody"}, "nobody"),
    "a region that AWS cannot have": ({"AWS_DEFAULT_REGION": "eu central 1"}, "export AWS_REGION"),
    "a region with a typing error": ({"AWS_DEFAULT_REGION": "eu-centrl-1"}, "did you mean eu-central-1?"),
    "half of the keys": ({"AWS_SECRET_ACCESS_KEY": ""}, "AWS"),
    "a key with the end of a line": (
        {"AWS_ACCESS_KEY_ID": "AKIA\nTEST", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
        "hold a space or the end of a line",
    ),
    "a key in other letters": ({"AWS_ACCESS_KEY_ID": "КЛЮЧ", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "AWS"),
    "an address without a scheme": ({"AWS_ENDPOINT_URL": "127.0.0.1:4566"}, "Invalid endpoint"),
    "an address where nobody is": ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "AWS_ENDPOINT_URL leads to"),
    "a proxy that is gone": ({"HTTPS_PROXY": "http://127.0.0.1:9"}, "Behind a proxy"),
    "a web identity without its file": (
        {"AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere", "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/x"},
        "AWS",
    ),
}


@pytest.mark.parametrize("case", SHELLS)
def test_a_shell_that_leads_nowhere_is_told(case: str, shell: pytest.MonkeyPatch) -> None:
    values, words = SHELLS[case]
    in_the_shell(shell, **{"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1", **values})
    if case == "a web identity without its file":
        shell.delenv("AWS_ACCESS_KEY_ID")
    assert words in end_of("deploy")


CONFIGS: dict[str, tuple[str, str]] = {
    "no file of this kind": ("[default\nregion eu", "Unable to parse config file"),
    "a session of SSO that has ended": (
        "[default]\nregion = eu-central-1\nsso_session = s\nsso_account_id = 111122223333\nsso_role_name = r\n"
        "[sso-session s]\nsso_region = eu-central-1\nsso_start_url = https://x.awsapps.com/start\n",
        "aws sso login",
    ),
    "a program that gives no keys": (
        "[default]\nregion = eu-central-1\ncredential_process = /bin/false\n",
        "export AWS_PROFILE",
    ),
    "profiles that lean on each other": (
        "[default]\nregion = eu-central-1\nrole_arn = arn:aws:iam::111122223333:role/x\nsource_profile = a\n"
        "[profile a]\nrole_arn = arn:aws:iam::111122223333:role/y\nsource_profile = b\n"
        "[profile b]\nrole_arn = arn:aws:iam::111122223333:role/y\nsource_profile = a\n",
        "~/.aws/config",
    ),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_a_file_of_settings_that_is_no_use_is_told(case: str, shell: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text, words = CONFIGS[case]
    (tmp_path / "config").write_text(text)
    shell.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert words in end_of("deploy")


REFUSALS: dict[str, tuple[Refusal, str]] = {
    "expired": (Refusal("ExpiredToken", "The security token included in the request is expired"), "sign in again"),
    "unknown keys": (
        Refusal("InvalidClientTokenId", "The security token included in the request is invalid."),
        "AWS does not know these credentials",
    ),
    "a wrong secret": (
        Refusal(
            "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided."
        ),
        "the secret key does not belong to the access key",
    ),
    "a clock that is late": (
        Refusal(
            "SignatureDoesNotMatch",
            "Signature expired: 20261129T070000Z is now earlier than 20261129T073000Z (20261129T074500Z - 15 min.)",
        ),
        "set this machine's clock",
    ),
    "a clock that is early": (
        Refusal(
            "InvalidSignatureException",
            "Signature not yet current: 20261129T090000Z is still later than 20261129T081500Z (20261129T080000Z + 15)",
        ),
        "set this machine's clock",
    ),
    "a clock, as S3 says it": (
        Refusal("RequestTimeTooSkewed", "The difference between the request time and the current time is too large."),
        "set this machine's clock",
    ),
    "an account without a signature": (
        Refusal("OptInRequired", "The AWS Access Key Id needs a subscription for the service"),
        "finish signing up",
    ),
    "a region that is off": (
        Refusal("RegionDisabledException", "STS is not activated in this region for account:111122223333."),
        "enable the region",
    ),
    "a right": (
        Refusal(
            "AccessDenied",
            "User: arn:aws:iam::111122223333:user/olga is not authorized to perform: x:Call on resource: arn:aws:x:::y "
            "because no identity-based policy allows the x:Call action",
            knows_caller=True,
        ),
        "no right to x:Call on arn:aws:x:::y\n  do: give these credentials the policy",
    ),
    "an organization": (
        Refusal(
            "AccessDeniedException",
            "User: arn:aws:iam::111122223333:user/olga is not authorized to perform: x:Call "
            "with an explicit deny in a service control policy",
            knows_caller=True,
        ),
        "service control policy denies it",
    ),
    "too many calls": (
        Refusal("ThrottlingException", "Rate exceeded", 400, knows_caller=True),
        "try again in a minute",
    ),
    "a failure of AWS": (Refusal("InternalFailure", "", 500), "try again in a minute"),
    "a quota": (Refusal("LimitExceededException", "Cannot exceed quota", 400, knows_caller=True), "Service Quotas"),
}


@pytest.mark.parametrize("command", ["deploy", "logs"])
@pytest.mark.parametrize("case", REFUSALS)
def test_what_aws_refuses_is_told(case: str, command: str, shell: pytest.MonkeyPatch) -> None:
    """Promise G5."""
    refusal, words = REFUSALS[case]
    with refusing_aws(refusal) as url:
        in_the_shell(shell, AWS_ENDPOINT_URL=url, AWS_MAX_ATTEMPTS="2")
        assert words in end_of(command)


@pytest.mark.parametrize(
    ("command", "printed"),
    [
        ("deploy", "--stage prod`"),
        ("logs", "--stage prod --of operator`"),
        ("backup", "--stage prod --of restorer`"),
        ("restore", "--stage prod --of restorer`"),
    ],
)
def test_whoever_lacks_a_right_is_led_to_those_that_the_command_needs(
    command: str, printed: str, shell: pytest.MonkeyPatch
) -> None:
    refusal, _ = REFUSALS["a right"]
    with refusing_aws(refusal) as url:
        in_the_shell(shell, AWS_ENDPOINT_URL=url)
        assert f"the policy that `python -m infra.rights {printed} prints" in end_of(command)


def test_the_right_that_is_refused_to_a_table_is_told(shell: pytest.MonkeyPatch) -> None:
    refusal, words = REFUSALS["a right"]
    with refusing_aws(refusal) as url:
        in_the_shell(shell, AWS_ENDPOINT_URL=url)
        command = [sys.executable, "-m", "infra.managers", "--stage", "prod", "add", "olga"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert words in done.stderr
    assert done.stderr.count("\n") == 2


def test_the_doctor_says_which_right_it_lacks(shell: pytest.MonkeyPatch) -> None:
    refusal, words = REFUSALS["a right"]
    with refusing_aws(refusal) as url:
        in_the_shell(shell, AWS_ENDPOINT_URL=url)
        assert words in end_of("doctor")


def failed_upload() -> S3UploadFailedError:
    refused = ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, "PutObject")
    error = S3UploadFailedError("Failed to upload layer.zip")
    error.__context__ = refused
    return error


HERE: dict[str, tuple[Exception, str]] = {
    "a full disk": (OSError(errno.ENOSPC, "No space left on device", "build/layer.zip"), "make room on this disk"),
    "files of root": (PermissionError(errno.EACCES, "Permission denied", "build"), "A run as root"),
    "a tool that is gone": (FileNotFoundError(errno.ENOENT, "No such file or directory", ".venv/bin/uv"), "make setup"),
    "a tool that fails": (
        subprocess.CalledProcessError(2, ["uv", "pip", "install", "x"], stderr=b"warning\nerror: no index\n"),
        "uv pip install ended with 2: error: no index",
    ),
    "an upload without the right": (failed_upload(), "no right to the call PutObject"),
    "a reason that is known to nobody": (
        ClientError({"Error": {"Code": "Novelty", "Message": "so"}}, "Call"),
        "An error occurred (Novelty)",
    ),
}


@pytest.mark.parametrize("case", HERE)
def test_what_fails_half_way_is_told(case: str, shell: pytest.MonkeyPatch) -> None:
    """Promise G5."""
    error, words = HERE[case]
    with refusing_aws(Refusal("x", "x", knows_caller=True)) as url:
        in_the_shell(shell, AWS_ENDPOINT_URL=url)
        with pytest.raises(SystemExit) as ended, reaching_aws("deploy", "prod"):
            raise error
    assert words in str(ended.value)
    assert str(ended.value).count("\n") == 1


def test_another_account_than_the_stages_own_is_refused(shell: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = json.loads(config_mistakes.CONFIG.read_text())
    file["stages"]["prod"]["account"] = "444455556666"
    (tmp_path / "config.json").write_text(json.dumps(file))
    for policy in config_mistakes.CONFIG.parent.glob("policy*.json"):
        (tmp_path / policy.name).write_text(policy.read_text())
    shell.setattr(config_mistakes, "CONFIG", tmp_path / "config.json")
    with refusing_aws(Refusal("x", "x", knows_caller=True)) as url:
        in_the_shell(shell, AWS_ENDPOINT_URL=url)
        assert "prod belongs to the account 444455556666, and these credentials are of 111122223333" in end_of("deploy")


def test_a_fault_of_our_own_is_shown_whole(shell: pytest.MonkeyPatch) -> None:
    with refusing_aws(Refusal("x", "x", knows_caller=True)) as url:
        in_the_shell(shell, AWS_ENDPOINT_URL=url)
        with pytest.raises(ZeroDivisionError), reaching_aws("deploy", "prod"):
            raise ZeroDivisionError


def test_each_right_that_a_stack_lacks_is_named_once() -> None:
    reasons = [
        "User: x is not authorized to perform: sqs:CreateQueue on resource: y",
        "z",
        "not authorized to perform: sqs:CreateQueue",
    ]
    assert [*missing_rights(reasons)] == ["sqs:CreateQueue"]


def test_what_the_stage_says_is_looked_at_before_aws(shell: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = json.loads(config_mistakes.CONFIG.read_text())
    file["stages"]["prod"]["canarry"] = "AllAtOnce"
    wrong = tmp_path / "config.json"
    wrong.write_text(json.dumps(file))
    shell.setattr(config_mistakes, "CONFIG", wrong)
    with pytest.raises(SystemExit, match="did you mean canary"):
        COMMANDS["deploy"]()
    for needs_no_aws in (package.main, sbom.main):
        with pytest.raises(SystemExit, match="did you mean canary"):
            needs_no_aws(["--stage", "prod"])
