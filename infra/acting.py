"""Lets a command act as a stage's app."""

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
    """From now on this process has the stage's settings (`.chalice/config.json`) and the credentials of its
    environment. `local` is the cloud that `make run` started, unless AWS_ENDPOINT_URL points elsewhere. Raises:
    SystemExit with advice, if none is running or the file has mistakes."""
    if stage == LOCAL_STAGE and "AWS_ENDPOINT_URL" not in os.environ:
        os.environ.update(running_cloud(local_cloud(addresses)).environment())
    try:
        stated = environment_of(stage)
    except SettingsError as error:
        raise SystemExit(str(error)) from error
    for name, value in stated.items():
        os.environ.setdefault(name, value)


def find_addresses(account: Account) -> None:
    """Fills in the addresses that the stage leaves open, from the deployed app. Requires `act_in`. Raises:
    ClientError."""
    if any(is_open(os.environ[name]) for name in LEFT_OPEN):
        os.environ.update(with_addresses({name: os.environ[name] for name in fields() if name in os.environ}, account))
