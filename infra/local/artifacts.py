"""What the local cloud deploys, built by one process at a time: two clouds of one checkout share `build/`."""

import fcntl
import subprocess

from infra.archive import Artifact
from infra.chalice_app import PackagedApp, package_app
from infra.local.patience import StartError
from infra.package import workers_zip
from infra.paths import BUILD


def build_artifacts(stage: str) -> tuple[Artifact, PackagedApp]:
    """The workers' zip and the packaged app. Raises: StartError with what the packager said."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            return workers_zip(), package_app(stage)
        except subprocess.CalledProcessError as error:
            said = (error.stderr or error.stdout or b"").decode(errors="replace").strip()
            raise StartError(f"the app could not be packaged:\n{said[-2000:]}") from error
