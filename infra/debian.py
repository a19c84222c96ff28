"""Installs what comes from Debian's packages, where this user may."""

import os
import shutil
import subprocess
from collections.abc import Sequence

_LIMIT_SECONDS = 900


def apt_commands(*packages: str) -> Sequence[Sequence[str]]:
    """What installs them, in order; empty where there is no apt or this user is not root."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return ()
    install = ("apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages)
    return (("apt-get", "update", "-qq"), install)


def succeeds(command: Sequence[str]) -> bool:
    """Whether it starts, ends in time and reports no failure; asks nobody anything."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=_LIMIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
