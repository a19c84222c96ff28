"""What `make run` says to somebody who cannot start it."""

import socket

import pytest

from infra.local import run
from infra.local.patience import StartError


def test_a_busy_port_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "PATIENCE_SECONDS", 0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=rf"port {port} is busy.*PORT=5000 make run"):
            run.wait_for_port(port)
