"""Which Python and which environment the commands use."""

import os
import subprocess

import pytest

from infra.paths import ROOT
from infra.runtimes import interpreter


def python_of(command: str, **variables: str) -> set[str]:
    """The interpreters that `make` would start."""
    given = [f"{name}={value}" for name, value in variables.items()]
    plain = {name: value for name, value in os.environ.items() if name not in ("PYTHON", "MAKEFLAGS", "MAKELEVEL")}
    told = subprocess.run(
        ["make", "--dry-run", "--old-file=.venv/.up-to-date", command, "TESTS=tests/unit", *given],
        cwd=ROOT, env=plain, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {word for word in told.stdout.split() if word.endswith("/bin/python")}


@pytest.mark.parametrize(
    ("given", "environment"),
    [("python3.13", ".venv-3.13"), ("python3.11", ".venv-3.11"), ("python3", ".venv"), ("/opt/python3.13", ".venv")],
)
def test_a_version_of_python_has_an_environment_of_its_own(given: str, environment: str) -> None:
    assert python_of("test", PYTHON=given) == {f"{environment}/bin/python"}


def test_without_a_word_it_is_the_one_environment() -> None:
    assert python_of("test") == {".venv/bin/python"}


@pytest.mark.parametrize("given", ["python3.99", "/nowhere/python3", "false"])
def test_a_python_that_is_not_here_is_named_with_the_ways_to_get_it(given: str, tmp_path: object) -> None:
    told = subprocess.run(
        [ROOT / "infra" / "setup.sh"],
        env={**os.environ, "PYTHON": given, "VENV": f"{tmp_path}/none"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 1
    assert f"PYTHON={given} is no Python 3.11 or later of this machine" in told.stderr
    assert "uv python install" in told.stderr


def test_a_python_is_found_by_its_version_alone() -> None:
    found = [interpreter(version) for version in ("3.11", "3.12", "3.13")]
    for python, version in zip(found, ("3.11", "3.12", "3.13"), strict=True):
        if python:
            told = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout
            assert told.startswith(f"Python {version}.")
    assert any(found)
    assert interpreter("2.99") is None
