"""The shipped letters are found however the code is packed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.rendering.shipped import read_shipped, shipped_folder, shipped_keys

ROOT = Path(__file__).resolve().parents[3]
LIST_KEYS = "from chalicelib.rendering.template_store import TemplateStore; print(*TemplateStore().keys())"


@pytest.mark.parametrize("home", ["task", "opt"], ids=["beside the code in a zip", "in a layer"])
def test_the_letters_are_found_in_a_package(home: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "chalicelib", tmp_path / "task" / "chalicelib")
    shutil.copytree(ROOT / "templates", tmp_path / home / "templates")
    path = os.pathsep.join([str(tmp_path / "task"), str(tmp_path / "opt")])

    done = subprocess.run(
        [sys.executable, "-c", LIST_KEYS],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.split() == shipped_keys(shipped_folder()), done.stderr


def test_a_package_without_letters_says_so(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "chalicelib", tmp_path / "chalicelib")

    done = subprocess.run(
        [sys.executable, "-c", LIST_KEYS],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "no `templates/_layout`" in done.stderr


def test_a_folder_is_read_whole() -> None:
    welcome = read_shipped(shipped_folder(), "welcome")

    assert re.fullmatch("shipped-[0-9a-f]{12}", str(welcome.version))
    assert set(welcome.locales["ru"]) == {"email.subject", "email.html"}
