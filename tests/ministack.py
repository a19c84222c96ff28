"""The embedded cloud for tests that need its SES, SNS or SQS: a process of its own on a free port."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import requests

from infra.local.patience import StartError, until
from infra.local.process import free_port
from infra.paths import ROOT


@contextmanager
def ministack() -> Iterator[str]:
    """The emulator's URL, as long as the block lasts. Raises: StartError."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "infra.local.emulator", "--shared-code"]
    # As an account of AWS has it, whatever this machine has.
    environment = os.environ | {"GATEWAY_PORT": str(port), "LAMBDA_ACCOUNT_CONCURRENCY": "1000"}
    with subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            until(lambda: _is_ready(url, process), what="the emulator")
            yield url
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _is_ready(url: str, process: subprocess.Popen[bytes]) -> bool | None:
    if process.poll() is not None:
        raise StartError(f"the emulator ended at once: {process.args!r}")
    with suppress(requests.RequestException):  # on a busy machine it may listen and not answer yet
        return requests.get(f"{url}/_ministack/health", timeout=10).ok or None
    return None
