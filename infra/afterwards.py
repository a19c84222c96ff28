"""What follows a deployment: protection, the stage tried as its users use it, and the doctor."""

import subprocess
import sys

from infra.account import Account
from infra.paths import ROOT
from infra.protection import protect
from infra.sender import waits_for_ses
from infra.stacks import DeployError

_CHECKS = ("smoke", "doctor")


def afterwards(account: Account, stage: str) -> None:
    """Tries the stage, then has the doctor look at it; both tell what they find. On an emulator the doctor is not
    asked: it would find what is of AWS alone. Raises: DeployError with what comes next, or the way back;
    ClientError."""
    protect(account, stage)
    checks = _CHECKS[:1] if account.emulator_url else _CHECKS
    # Each in a process of its own: it acts as the app of the stage, whose settings are a process's for good.
    bad = [check for check in checks if _run(check, stage)]
    if bad and not account.emulator_url and (waiting := waits_for_ses(account, stage)):
        raise DeployError(waiting)
    if bad:
        raise DeployError(
            f"{stage} is deployed, and {' and '.join(bad)} found something wrong (above)\n"
            "  do: mend what it names; or the way back: git switch --detach <the commit before> && "
            f"make deploy STAGE={stage}. Again without a deployment: make {bad[0]} STAGE={stage}"
        )


def _run(check: str, stage: str) -> int:
    print(f"{check}:", flush=True)
    return subprocess.run([sys.executable, "-m", f"infra.{check}", "--stage", stage], cwd=ROOT, check=False).returncode
