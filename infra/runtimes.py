"""What the functions of a stage run on: one of Lambda's Pythons, on one of its architectures. Called by whatever
packages or deploys."""

import json
import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from chalicelib.settings import SettingsError
from infra.config_mistakes import CONFIG
from infra.paths import ROOT

# Those on Amazon Linux 2023. Lambda's 3.11 is on Amazon Linux 2, whose glibc, 2.26, is older than argon2's wheels take;
# later ones are added once the tests run on them.
PYTHONS = ("3.12", "3.13")
ARCHITECTURES = ("x86_64", "arm64")
_GLIBC = "2_34"  # of Amazon Linux 2023
_MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}  # as wheels call them
_THIS_PYTHON = ".".join(map(str, sys.version_info[:2]))


class Runtime(NamedTuple):
    """Of a stage's functions."""

    python: str = "3.13"
    architecture: str = "x86_64"

    @property
    def name(self) -> str:
        """As Lambda calls it."""
        return f"python{self.python}"

    @property
    def platform(self) -> str:
        """The wheels that it takes, in uv's words."""
        return f"{_MACHINES[self.architecture]}-manylinux_{_GLIBC}"

    @property
    def is_here(self) -> bool:
        """Whether this machine can import what is built for it."""
        return platform.system() == "Linux" and platform.machine() == _MACHINES[self.architecture]

    def __str__(self) -> str:
        return f"{self.name}-{self.architecture}"


DEFAULT = Runtime()


def runtime_of(stage: str) -> Runtime:
    """As `.chalice/config.json` says: `python` and Chalice's own `lambda_architecture`. Raises: SettingsError for what
    Lambda has not, or cannot take our packages. An emulator, which AWS_ENDPOINT_URL leads to, runs functions by the
    Python that is here, whatever the stage says."""
    config: dict[str, Any] = json.loads(CONFIG.read_text())
    own = {**config, **config["stages"][stage]}
    chosen = Runtime(own.get("python", DEFAULT.python), own.get("lambda_architecture", DEFAULT.architecture))
    for key, value, known in (("python", chosen[0], PYTHONS), ("lambda_architecture", chosen[1], ARCHITECTURES)):
        if value not in known:
            raise SettingsError(
                f".chalice/config.json: {key} of the stage {stage} is {value!r}; Vestnik runs on {' or '.join(known)}"
            )
    return this_machines() if "AWS_ENDPOINT_URL" in os.environ else chosen


def this_machines() -> Runtime:
    """Of the functions that this machine runs."""
    return Runtime(_THIS_PYTHON, {wheels: own for own, wheels in _MACHINES.items()}.get(platform.machine(), "x86_64"))


@cache
def interpreter(python: str) -> Path | None:
    """A Python of that version on this machine. Only it can compile for its like."""
    if python == _THIS_PYTHON:
        return Path(sys.executable)
    found = subprocess.run([ROOT / "infra" / "find_python.sh", python], capture_output=True, text=True, check=False)
    return Path(found.stdout.strip()) if found.returncode == 0 else None
