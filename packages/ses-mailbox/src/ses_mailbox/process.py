"""Starts the mailbox in a process of its own and stops it."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_STOP_SECONDS = 10


@contextmanager
def running(data: Path, options: Sequence[str] = (), *, port: int = 0) -> Iterator[str]:
    """The base URL of a mailbox that lives as long as the block; port 0 takes a free one.

    Raises: RuntimeError if it does not start; what it said is on standard error."""
    command = [sys.executable, "-m", "ses_mailbox", "--port", str(port), "--data", str(data), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield _address(process)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _address(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline() if process.stdout else ""
    if not line.startswith("mailbox on "):
        raise RuntimeError("the mailbox did not start")
    return line.removeprefix("mailbox on ").strip()
