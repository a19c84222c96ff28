"""Rivals that are no serverless ones, as processes of their own in a virtual environment of their own (build/rivals,
from the lock `bench/rivals/requirements.txt`), with Debian's Redis and a mail server that takes everything.

    with outside(letters, redis_server()) as rivals:
        seconds, cpu_seconds, once = rivals.celery()
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.processes import cpu_seconds, tree_cpu_seconds
from infra.local.process import free_port
from infra.paths import BUILD, ROOT

_LOCK = ROOT / "bench" / "rivals" / "requirements.txt"
_PLACE = BUILD / "rivals"
_LIMIT_SECONDS = 300
_WORKERS_READY_SECONDS = 4.0
Result = tuple[float, float, bool]  # seconds, CPU seconds, everybody got exactly one


def redis_server() -> str | None:
    """Where Debian's redis-server is (`apt install redis-server`, or REDIS_SERVER=/path/to/it)."""
    return os.environ.get("REDIS_SERVER") or shutil.which("redis-server")


def _installed() -> Path:
    """The environment's folder of programs, made when the lock has changed."""
    stamp = _PLACE / "lock"
    if not (stamp.exists() and stamp.read_text() == _LOCK.read_text()):
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run([uv, "venv", "-q", "--clear", "--python", sys.executable, str(_PLACE)], check=True)
        python = str(_PLACE / "bin" / "python")
        subprocess.run([uv, "pip", "sync", "-q", "--python", python, "--require-hashes", str(_LOCK)], check=True)
        stamp.write_text(_LOCK.read_text())
    return _PLACE / "bin"


class Outside:
    """The rivals, ready to run."""

    def __init__(self, letters: int, *, programs: Path, environment: dict[str, str], received: Path) -> None:
        self._letters = letters
        self._programs = programs
        self._environment = environment
        self._received = received

    def celery(self) -> Result:
        """Two processes."""
        module = "bench.rivals.celery_way"
        return self._queued(module, ["celery", "-A", module, "worker", "--concurrency", "2", "-l", "ERROR"])

    def dramatiq(self) -> Result:
        """Two processes of one thread."""
        module = "bench.rivals.dramatiq_way"
        return self._queued(module, ["dramatiq", module, "--processes", "2", "--threads", "1"])

    def post_office(self) -> Result:
        """Put and sent by one command."""
        self._received.write_text("")
        started = time.time()
        process = self._start(["python", "-m", "bench.rivals.post_office_way", str(self._letters)])
        used = 0.0
        while process.poll() is None:
            used = max(used, tree_cpu_seconds(process.pid))
            time.sleep(0.05)
        return time.time() - started, used, self._once()

    def _queued(self, module: str, worker: Sequence[str]) -> Result:
        self._received.write_text("")
        working = self._start(worker)
        try:
            time.sleep(_WORKERS_READY_SECONDS)
            before, started = tree_cpu_seconds(working.pid), time.time()
            putting = self._start(["python", "-m", module, str(self._letters)])
            put = 0.0
            while len(self._lines()) < self._letters:
                put = max(put, cpu_seconds(putting.pid))
                if time.time() - started > _LIMIT_SECONDS:
                    raise TimeoutError(f"{module}: {len(self._lines())} of {self._letters} letters came")
                time.sleep(0.05)
            seconds = time.time() - started
            putting.wait(30)
            return seconds, tree_cpu_seconds(working.pid) - before + put, self._once()
        finally:
            working.terminate()
            working.wait(30)

    def _start(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        program = str(self._programs / command[0])
        quiet = subprocess.DEVNULL
        return subprocess.Popen([program, *command[1:]], cwd=ROOT, env=self._environment, stdout=quiet, stderr=quiet)

    def _lines(self) -> list[str]:
        return self._received.read_text().splitlines()

    def _once(self) -> bool:
        lines = self._lines()
        return len(lines) == len(set(lines)) == self._letters


@contextmanager
def outside(letters: int, redis: str) -> Iterator[Outside]:
    """Redis, the mail server and the users."""
    programs = _installed()
    with tempfile.TemporaryDirectory() as folder:
        root, smtp_port, redis_port = Path(folder), free_port(), free_port()
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "RIVAL_DATABASE": str(root / "rival.sqlite3"),
            "RIVAL_SMTP_PORT": str(smtp_port),
            "RIVAL_REDIS": f"redis://127.0.0.1:{redis_port}/0",
            **{name: os.environ[name] for name in ("LD_LIBRARY_PATH", "HOME") if name in os.environ},
        }
        python, received = str(programs / "python"), root / "received"
        prepare = f"from bench.rivals.one_letter import prepare; prepare({letters})"
        subprocess.run([python, "-c", prepare], check=True, cwd=ROOT, env=environment)
        servers = [
            subprocess.Popen([python, "-m", "bench.rivals.sink", str(smtp_port), str(received)], cwd=ROOT,
                             env=environment),
            subprocess.Popen([redis, "--port", str(redis_port), "--save", "", "--dir", folder], env=environment,
                             stdout=subprocess.DEVNULL),
        ]  # fmt: skip
        try:
            time.sleep(2)
            yield Outside(letters, programs=programs, environment=environment, received=received)
        finally:
            for server in servers:
                server.terminate()
                server.wait(10)
