"""A child process of the local cloud: started, watched until it answers, stopped."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import requests

from infra.local.patience import Say, StartError, silent, until
from infra.paths import ROOT

_HEALTH_SECONDS = 10
_LAST_LINES = 8


class Child:
    """One Python module run as a process in a session of its own, so that Ctrl-C reaches only its parent."""

    def __init__(
        self, name: str, module: Sequence[str], *, environment: Mapping[str, str], log: Path, health_url: str
    ) -> None:
        self.name = name
        self._module = module
        self._environment = environment
        self.log = log
        self._health_url = health_url
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and returns at once."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "infra.local.leash", str(os.getpid()), *self._module],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_healthy(self, say: Say = silent) -> None:
        """Until its health address answers 200. Raises: StartError with the end of its log."""
        until(self._is_healthy, what=self.name, say=say, remedy=f"see {self.log}")

    def _is_healthy(self) -> bool | None:
        if not self.running:
            raise StartError(f"{self.name} ended at once; the end of {self.log}:\n{self._tail()}")
        with contextlib.suppress(requests.RequestException):
            return requests.get(self._health_url, timeout=_HEALTH_SECONDS).ok or None
        return None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of the running process; for tests that kill it. Raises: StartError when it was never started."""
        if self._process is None:
            raise StartError(f"{self.name} was not started")
        return self._process.pid

    def stop(self, grace_seconds: float = 20) -> None:
        """Asks it and all that it started to stop, and waits; what does not listen is killed. The emulator saves its
        state and would then wait for every function that is being called, whose work no longer counts."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = None

    def _tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(f"  {line}" for line in lines[-_LAST_LINES:])


def port_is_free(port: int) -> bool:
    """Whether this machine could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(first: int = 0) -> int:
    """The next free port from `first` on; 0 lets the system choose."""
    if first:
        return next((port for port in range(first, 65536) if port_is_free(port)), None) or free_port()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
