"""Where the browser of the tests comes from."""

from pathlib import Path

import pytest

from infra import browser


def program(folder: Path, *, code: int = 0) -> str:
    place = folder / "chromium"
    place.write_text(f"#!/bin/sh\nexit {code}\n")
    place.chmod(0o755)
    return str(place)


def test_the_named_browser_is_the_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", program(tmp_path))
    assert browser.chromium() == tmp_path / "chromium"


def test_a_named_browser_that_does_not_start_is_none_and_none_is_fetched_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Promise G4: without a browser its tests are skipped, with a line that says how to get one."""
    monkeypatch.setenv("CHROMIUM", program(tmp_path, code=127))
    assert browser.chromium() is None
    assert browser.main() == 1
    said = capsys.readouterr().out
    assert len(said.splitlines()) == 1
    assert browser.REMEDY in said


def test_a_browser_of_the_path_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    program(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert browser.chromium() == tmp_path / "chromium"
