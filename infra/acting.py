"""A command that works on a stage acts as the app of that stage."""

import os
from pathlib import Path

from chalicelib.settings import SettingsError
from infra.account import Account
from infra.addresses import is_open, with_addresses
from infra.local.children import STAGE as LOCAL_STAGE
from infra.local.running import running_cloud
from infra.stages import environment_of
from infra.variables import LEFT_OPEN, fields
from tools.local_cloud import LOCAL, local_cloud


def act_in(stage: str, addresses: Path = LOCAL) -> None:
    """From now on this process has the settings of the stage (`.chalice/config.json`) and the credentials of its
    environment. `local` is the cloud that `make run` has started, unless AWS_ENDPOINT_URL leads elsewhere. Raises:
    SystemExit with what to do, where none runs or the file has mistakes."""
    if stage == LOCAL_STAGE and "AWS_ENDPOINT_URL" not in os.environ:
        os.environ.update(running_cloud(local_cloud(addresses)).environment())
    try:
        stated = environment_of(stage)
    except SettingsError as error:
        raise SystemExit(str(error)) from error
    for name, value in stated.items():
        os.environ.setdefault(name, value)


def find_addresses(account: Account) -> None:
    """Lets this process know the addresses that its stage leaves open, as the deployed app has them; it begins with
    `act_in`. Raises: ClientError."""
    if any(is_open(os.environ[name]) for name in LEFT_OPEN):
        os.environ.update(with_addresses({name: os.environ[name] for name in fields() if name in os.environ}, account))
