"""Workers of the emulator that begin quickly: each is split off a Python that has their libraries (`forkserver.py`),
and all that run the same code read it, and its bytecode, in one place. On Linux; elsewhere each worker is a new Python
in a folder with a copy of the code, as the emulator has it.
"""

import atexit
import hashlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

from ministack.core import lambda_runtime

_SERVER = Path(__file__).with_name("forkserver.py")
_SERVERS = 3  # one for the workers, one for the app; a new deployment brings others


class ForkServer:
    """One for all workers of one code; started by the first one, and again if it has died."""

    def __init__(self, code: Path) -> None:
        self._code = code
        self._lock = threading.Lock()
        self._orders = socket.socket()
        self.process: subprocess.Popen[bytes] | None = None

    def fork(self, order: Mapping[str, Any], streams: Sequence[int]) -> tuple[int, int]:
        """The new worker's pid and a pidfd of it. Raises: OSError."""
        with self._lock:
            if self.process is None or self.process.poll() is not None:
                self._start()
            socket.send_fds(self._orders, [json.dumps(order).encode()], streams)
            pid, pidfds, _, _ = socket.recv_fds(self._orders, 16, 1)
            if not pidfds:
                raise ConnectionResetError("the fork server has died")
            return int(pid), pidfds[0]

    def close(self) -> None:
        """No more workers; those that are there live on."""
        with self._lock:
            self._orders.close()
            if self.process is not None:
                self.process.wait()

    def _start(self) -> None:
        self._orders.close()
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", str(_SERVER), str(self._code)], stdin=theirs.fileno()
            )


class Forked:
    """Takes the place of subprocess.Popen for `python <script>` with pipes of text for its streams."""

    servers: ClassVar[dict[Path, ForkServer]] = {}
    _choosing = threading.Lock()

    def __init__(self, command: Sequence[str], *, cwd: str, env: Mapping[str, str], **_: Any) -> None:
        (stdin, to_it), (from_it, stdout), (errors, stderr) = os.pipe(), os.pipe(), os.pipe()
        self.stdin, self.stdout, self.stderr = os.fdopen(to_it, "w", 1), os.fdopen(from_it), os.fdopen(errors)
        self.returncode: int | None = None
        try:
            order = {"argv": list(command[1:]), "cwd": cwd, "env": dict(env)}
            self.pid, self._pidfd = self._server(Path(cwd)).fork(order, (stdin, stdout, stderr))
        finally:
            for theirs in (stdin, stdout, stderr):
                os.close(theirs)

    @classmethod
    def _server(cls, folder: Path) -> ForkServer:
        """Of the code that is linked to in this folder. Code that was not asked for lately has none any more."""
        code = (folder / "chalicelib").resolve().parent
        with cls._choosing:
            server = cls.servers.pop(code, None) or ForkServer(code)
            cls.servers[code] = server
            while len(cls.servers) > _SERVERS:
                cls.servers.pop(next(iter(cls.servers))).close()
        return server

    def __del__(self) -> None:
        if hasattr(self, "_pidfd"):
            os.close(self._pidfd)

    def poll(self) -> int | None:
        """None while it runs. How it ended is not known."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Raises: subprocess.TimeoutExpired."""
        if self.returncode is None:
            end = select.poll()  # not select.select, which knows a thousand descriptors
            end.register(self._pidfd, select.POLLIN)
            if not end.poll(None if timeout is None else timeout * 1000):
                raise subprocess.TimeoutExpired("worker", timeout or 0)
            self.returncode = 0
        return self.returncode

    def terminate(self) -> None:
        """Asks it to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            signal.pidfd_send_signal(self._pidfd, number)


class SharedCode(zipfile.ZipFile):
    """Unpacks once: where the same is wanted again are links to it."""

    _folder = Path()
    _unpacking = threading.Lock()  # each ZipFile has a `_lock` of its own

    def extractall(self, path: Any = None, *more: Any) -> None:
        """Overrides zipfile's."""
        target, content = Path(path), Path(str(self.filename)).read_bytes()
        with self._unpacking:
            if self._folder == Path():
                type(self)._folder = Path(tempfile.mkdtemp(prefix="code-"))
                atexit.register(shutil.rmtree, self._folder, ignore_errors=True)
            shared = self._folder / hashlib.sha256(content).hexdigest()
            if not shared.exists():
                super().extractall(shared, *more)
                (shared / "__pycache__").mkdir(exist_ok=True)
        for entry in shared.iterdir():
            (target / entry.name).symlink_to(entry)


def use_forks() -> None:
    """From now on the emulator of this process starts its workers so."""
    if sys.platform == "linux":
        lambda_runtime.subprocess = SimpleNamespace(**{**vars(subprocess), "Popen": Forked})
        share_code()


def share_code() -> None:
    """From now on workers of the emulator of this process that run the same code read it in one place."""
    lambda_runtime.zipfile = SimpleNamespace(**{**vars(zipfile), "ZipFile": SharedCode})
