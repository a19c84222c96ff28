"""What `make run` says to somebody who cannot start it, and what `make dev` outlives."""

import argparse
import socket
from pathlib import Path
from typing import cast

import pytest

from infra.local import run
from infra.local.cloud import LocalCloud
from infra.local.patience import StartError


def test_a_busy_port_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "PATIENCE_SECONDS", 0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=rf"port {port} is busy.*PORT=5000 make run"):
            run.wait_for_port(port)


@pytest.mark.parametrize("text", ["0", "65536", "-1", "http", "", "٤٥٦٦", "4566.0"])
def test_what_is_no_port_is_told(text: str) -> None:
    """Promise G5: whoever mistypes a port reads what a port is."""
    with pytest.raises(argparse.ArgumentTypeError, match="expected a port from 1 to 65535"):
        run.port_of(text)
    assert run.port_of("65535") == 65535


def test_a_folder_that_takes_no_log_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Promise G5: what ends on a full disk has no room for its log either, and says so."""
    (tmp_path / "logs").write_text("a file where the folder should be")
    monkeypatch.setattr(run, "BUILD", tmp_path)

    told = run.unforeseen(OSError(28, "No space left on device"), 4566)

    assert told.startswith("OSError: [Errno 28] No space left on device. Nothing can be written to ")
    assert "make room" in told


class _Broken:
    """A cloud whose deployment fails in a way that nobody foresaw."""

    def deploy(self) -> None:
        raise UnicodeError("Failed to decode file")


def test_whatever_a_save_breaks_the_next_one_may_mend(capsys: pytest.CaptureFixture[str]) -> None:
    """Promise G5: `make dev` outlives a file that is no Python, no text, no JSON."""
    run.deploy_again(cast(LocalCloud, _Broken()), ["chalicelib/text.py"])

    assert "not deployed: UnicodeError: Failed to decode file\nsave a file to try again" in capsys.readouterr().out
