"""What follows a deployment: protection, a smoke test, and the doctor."""

import subprocess
import sys

from infra.account import Account
from infra.paths import ROOT
from infra.protection import protect
from infra.sender import waits_for_ses
from infra.stacks import DeployError

_CHECKS = ("smoke", "doctor")


def afterwards(account: Account, stage: str) -> None:
    """Runs the smoke test and then the doctor, which both report. On an emulator the doctor is skipped, as it checks
    what only AWS has. Raises: DeployError with the next step or the way back; ClientError."""
    protect(account, stage)
    checks = _CHECKS[:1] if account.emulator_url else _CHECKS
    # Each in a process of its own, because a process keeps its settings for good.
    bad = [check for check in checks if _run(check, stage)]
    if bad and not account.emulator_url and (waiting := waits_for_ses(account, stage)):
        raise DeployError(waiting)
    if bad:
        raise DeployError(
            f"{stage} is deployed, and {' and '.join(bad)} found something wrong (above)\n"
            "  do: fix what it names; or the way back: git switch --detach <the commit before> && "
            f"make deploy STAGE={stage}. Again without a deployment: make {bad[0]} STAGE={stage}"
        )


def _run(check: str, stage: str) -> int:
    print(f"{check}:", flush=True)
    return subprocess.run([sys.executable, "-m", f"infra.{check}", "--stage", stage], cwd=ROOT, check=False).returncode
