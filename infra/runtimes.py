"""What the functions of a stage run on: one of Lambda's Pythons, on one of its architectures."""

import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

from infra.paths import ROOT
from infra.stages import stage_config

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
    """As `.chalice/config.json` says: `python` and Chalice's own `lambda_architecture`. An emulator, which
    AWS_ENDPOINT_URL leads to, runs functions by the Python that is here, whatever the stage says. Raises: as
    `stage_config`."""
    own = stage_config(stage)
    return this_machines() if "AWS_ENDPOINT_URL" in os.environ else Runtime(own.python, own.lambda_architecture)


def this_machines() -> Runtime:
    """Of the functions that this machine runs."""
    return Runtime(_THIS_PYTHON, "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64")


@cache
def interpreter(python: str) -> Path | None:
    """A Python of that version on this machine. Only it can compile for its like."""
    if python == _THIS_PYTHON:
        return Path(sys.executable)
    found = subprocess.run([ROOT / "infra" / "find_python.sh", python], capture_output=True, text=True, check=False)
    return Path(found.stdout.strip()) if found.returncode == 0 else None
