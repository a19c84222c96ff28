"""How a command ends when AWS cannot be reached or refuses: two lines, what is wrong and what to do. Every command that
works on a stage runs inside it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from botocore.config import Config

from chalicelib.settings import SettingsError
from infra.obstacles import KEYS, NO_CREDENTIALS, NO_REGION, OBSTACLES, Obstacle, obstacle
from infra.stages import stage_config

_CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2, "mode": "standard"})


# Whose rights a command needs where they are not a deployer's (infra/scopes.py).
_OF = dict.fromkeys(("doctor", "logs", "managers", "smoke"), "operator") | dict.fromkeys(
    ("backup", "restore"), "restorer"
)


@contextmanager
def reaching_aws(command: str, stage: str) -> Iterator[None]:
    """For the `with` block of a command's main work. AWS is first asked who we are, so that problems with region,
    credentials, account, clock or network show before anything is done. Raises: SystemExit, for that and for whatever
    AWS or this machine refuses later."""
    try:
        _introduce(command, stage)
    except SettingsError as error:
        raise SystemExit(f"{command}: {error}") from error
    except (ValueError, *OBSTACLES) as error:  # boto3 takes no endpoint without a scheme
        raise SystemExit(f"{command}: {_told(error, command, stage)}") from error
    try:
        yield
    except BrokenPipeError:
        raise
    except OBSTACLES as error:
        raise SystemExit(f"{command}: {_told(error, command, stage)}") from error
    except KeyboardInterrupt:
        raise SystemExit(f"{command}: stopped half-way\n  do: run it again, it goes on from where it is") from None


def _told(error: Exception, command: str, stage: str) -> str:
    """With the rights that this command needs, if they are not a deployer's."""
    whose = f" --of {_OF[command]}" if command in _OF else ""
    return str(obstacle(error)).replace("--stage <stage>", f"--stage {stage}{whose}")


def _introduce(command: str, stage: str) -> None:
    wanted = stage_config(stage).account
    if region := os.environ.get("AWS_REGION"):  # AWS's other tools go by it; boto3 knows the older name alone
        os.environ["AWS_DEFAULT_REGION"] = region
    session = boto3.Session()
    if session.region_name is None:
        raise SystemExit(f"{command}: {NO_REGION}")
    if session.get_credentials() is None:
        raise SystemExit(f"{command}: {NO_CREDENTIALS}")
    account = session.client("sts", config=_CONFIG).get_caller_identity()["Account"]
    if wanted not in ("", account):
        wrong = f"the stage {stage} belongs to the account {wanted}, and these credentials are of {account}"
        raise SystemExit(f"{command}: {Obstacle(wrong, KEYS)}")
