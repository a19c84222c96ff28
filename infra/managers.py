"""Accounts of managers from the command line: the first one of a stage, and a new password for whoever has lost theirs.
With the credentials of the environment; of the stage `local`, in the cloud that `make run` has started.

python -m infra.managers --stage prod add olga --role administrator --role editor
python -m infra.managers --stage prod reset olga
python -m infra.managers --stage prod forget-code olga    # the phone with the second factor is lost
"""

import argparse
import sys

from chalicelib.accounts.managers import Role
from chalicelib.errors import VestnikError
from chalicelib.stage.app import stage
from infra.account import Account
from infra.acting import act_in, find_addresses
from infra.reaching_aws import reaching_aws
from infra.stages import stage_names

_BY = "command line"


def main(arguments: list[str] | None = None) -> int:
    """Prints the account's new password, which is shown nowhere else and must be changed at the first sign-in, or what
    was done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stage", required=True, choices=stage_names())
    parser.add_argument("do", choices=("add", "reset", "forget-code"))
    parser.add_argument("name")
    parser.add_argument("--role", action="append", choices=list(Role), help="default: every role")
    chosen = parser.parse_args(arguments)
    act_in(chosen.stage)
    try:
        with reaching_aws("managers", chosen.stage):
            find_addresses(Account())
            print(_do(chosen))
    except VestnikError as error:
        print(f"managers: {error.detail}", file=sys.stderr)
        return 1
    return 0


def _do(chosen: argparse.Namespace) -> str:
    """The line to print. The operator is identified by AWS's own log."""
    if chosen.do == "add":
        return stage().managers.add(chosen.name, roles=chosen.role or list(Role), by=_BY)
    if chosen.do == "reset":
        return stage().managers.reset_password(chosen.name, by=_BY)
    stage().managers.forget_second_factor(chosen.name)
    return f"{chosen.name} signs in with the password alone"


if __name__ == "__main__":
    raise SystemExit(main())
