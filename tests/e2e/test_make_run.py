"""`make run` as a newcomer starts it, on a machine that does much else."""

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from infra.local.process import free_port
from infra.paths import BUILD, ROOT
from tests.e2e.conftest import LIMIT_SECONDS, eventually
from tests.pictures import drawn

pytestmark = pytest.mark.e2e


@pytest.fixture
def busy_machine() -> Iterator[None]:
    """Whatever else the machine has, the service gets half of one processor at most: the other half goes to a busy
    loop in a session of its own, by which the kernel shares."""
    everything = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(everything)})  # what is started from here on keeps to it
    loop = subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True)
    try:
        yield
    finally:
        os.sched_setaffinity(0, everything)
        loop.kill()
        loop.wait()


def test_a_busy_machine_reaches_the_first_letter_and_ctrl_c_leaves_nothing_that_misleads(
    busy_machine: None, tmp_path: Path
) -> None:
    """Promises G4, G5: slower, and it says what it waits for; its addresses go when it does."""
    addresses, said, port = tmp_path / "local.json", tmp_path / "said", free_port()
    command = [sys.executable, "-m", "infra.local.run", "--port", str(port), "--addresses", str(addresses)]
    with said.open("wb") as output:
        run = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, start_new_session=True)
    try:
        local = eventually(lambda: _read(addresses, run))
        body: dict[str, Any] = {
            "template": "password-reset",
            "recipients": [{"user_id": "carol"}],
            "context": {"reset_url": "https://cinema.example/reset/1", "valid_minutes": 30},
        }
        answer = requests.post(
            f"{local['api_url']}/v1/notifications",
            json=body,
            headers={"Authorization": f"Bearer {local['api_key']}"},
            timeout=LIMIT_SECONDS,
        )
        assert answer.status_code == 202, answer.text
        letters = f"{local['mailbox_url']}/api/messages"
        eventually(lambda: requests.get(letters, params={"to": "carol"}, timeout=LIMIT_SECONDS).json())
        _shows_a_picture(local)
    finally:
        os.kill(run.pid, signal.SIGINT)
        code = run.wait(LIMIT_SECONDS)
        _forget(port)
    assert code == 0
    assert not addresses.exists()
    assert "Traceback" not in said.read_text()


def _shows_a_picture(local: Mapping[str, str]) -> None:
    """Whatever the port is, addresses of pictures lead to the cloud that made them."""
    media, key = f"{local['api_url']}/v1/media", {"Authorization": f"Bearer {local['api_key']}"}
    body = {"file": base64.b64encode(drawn()).decode(), "alt": {"en": "A gradient"}}
    made = requests.post(media, json=body, headers=key, timeout=LIMIT_SECONDS).json()
    url = eventually(lambda: requests.get(f"{media}/{made['id']}", headers=key, timeout=LIMIT_SECONDS).json()["url"])
    assert requests.get(url, timeout=LIMIT_SECONDS).headers["content-type"] == "image/png"


def _read(addresses: Path, run: subprocess.Popen[bytes]) -> Any:
    assert run.poll() is None, "make run has ended"
    return json.loads(addresses.read_text()) if addresses.exists() else None


def _forget(port: int) -> None:
    """What this run has stored for the next one."""
    for folder in ("state", "logs"):
        subprocess.run(["rm", "-rf", str(BUILD / folder / str(port))], check=True)
