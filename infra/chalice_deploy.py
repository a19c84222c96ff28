"""The app by Chalice's own deployer: planned, deployed, deleted. Called by `deploy.py` and `destroy.py`.

Chalice remembers what it deployed in a file, and cannot deploy over what it has forgotten; so that file lies in the
stage's bucket of artifacts, and every checkout that deploys begins with it.
"""

import json
import subprocess
import sys
from pathlib import Path

from botocore.exceptions import ClientError

from infra.account import Account
from infra.aftercare import lead_pages, limit_calls, limit_logs, protect_refusals
from infra.paths import ROOT
from infra.stages import Doors


class ChaliceError(RuntimeError):
    """Chalice gave up; it has said why. Retryable once mended."""


class ChaliceApp:
    """The app of one stage, deployed out of `project` (a checkout)."""

    def __init__(self, account: Account, stage: str, *, project: Path = ROOT) -> None:
        self._account = account
        self._stage = stage
        self._project = project
        self._remembered = project / ".chalice" / "deployed" / f"{stage}.json"
        self._key = f"chalice-deployed-{stage}.json"

    def plan(self) -> str:
        """What a deployment would do, in Chalice's words. Raises: ChaliceError."""
        self._recall()
        return self._run("dev", "plan", "--stage", self._stage, quiet=True)

    def deploy(self, doors: Doors) -> None:
        """Brings the app to this checkout, its public pages to their function and its APIs to their limits. Raises:
        ChaliceError; what was made until then is remembered."""
        self._recall()
        try:
            self._run("deploy", "--stage", self._stage)
        finally:
            self._remember()
        made = json.loads(self._remembered.read_text())["resources"]
        protect_refusals(self._account, made)
        lead_pages(self._account, made)
        limit_calls(self._account, made, doors)
        limit_logs(self._account, made)

    def delete(self) -> None:
        """Deletes the API, its functions and their roles; an app that is not there is fine. Raises: ChaliceError."""
        self._recall()
        if not self._remembered.exists():
            return
        self._run("delete", "--stage", self._stage)
        self._remember()

    def _recall(self) -> None:
        # What the bucket knows is newer than what this checkout may have kept from an earlier time.
        try:
            answer = self._account.s3.get_object(Bucket=self._bucket(), Key=self._key)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("NoSuchKey", "NoSuchBucket", "404"):
                raise
            return
        self._remembered.parent.mkdir(parents=True, exist_ok=True)
        self._remembered.write_bytes(answer["Body"].read())

    def _remember(self) -> None:
        if self._remembered.exists():
            self._account.s3.put_object(Bucket=self._bucket(), Key=self._key, Body=self._remembered.read_bytes())

    def _bucket(self) -> str:
        return self._account.artifact_bucket(self._stage)

    def _run(self, *arguments: str, quiet: bool = False) -> str:
        chalice = Path(sys.executable).with_name("chalice")
        done = subprocess.run(
            [chalice, *arguments],
            cwd=self._project,
            check=False,
            text=True,
            stdout=subprocess.PIPE if quiet else None,
        )
        if done.returncode:
            raise ChaliceError(f"chalice {' '.join(arguments)} ended with {done.returncode}")
        return done.stdout or ""
