"""The tools find the local cloud that runs, and nothing that has ended."""

from pathlib import Path

import pytest

from infra.local.process import free_port
from tools.local_cloud import local_cloud


def test_without_a_cloud_a_tool_says_how_to_start_one(tmp_path: Path) -> None:
    """Promise G5: no cloud, no traceback."""
    with pytest.raises(SystemExit, match=r"^no local cloud runs: start one with `make run`.*$"):
        local_cloud(tmp_path / "local.json")


@pytest.mark.parametrize("text", ["", "{", "{}", '{"emulator_url": "http://127.0.0.1:PORT"}'])
def test_what_a_killed_run_has_left_behind_is_no_cloud(tmp_path: Path, text: str) -> None:
    """Promise G5: a file that outlived its run misleads nobody."""
    left = tmp_path / "local.json"
    left.write_text(text.replace("PORT", str(free_port())))
    with pytest.raises(SystemExit, match=r"^no local cloud runs"):
        local_cloud(left)
