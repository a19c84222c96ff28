"""An engineer's tools besides `make run`: the logs, and a prompt inside the cloud."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clients.python.vestnik_client import Vestnik as Client
from infra.local.children import STAGE
from infra.paths import ROOT
from tests.e2e.conftest import Vestnik, eventually
from tools.logs import new_lines

pytestmark = pytest.mark.e2e


@pytest.fixture
def client(vestnik: Vestnik) -> Client:
    """The Python client, over real HTTP."""
    return Client(vestnik.cloud.api_url, vestnik.api_key, timeout_seconds=30)


def test_the_logs_follow_a_notification_and_repeat_no_line(vestnik: Vestnik, client: Client) -> None:
    since = int(time.time() * 1000) - 1000
    letter = {"reset_url": "https://cinema.example/reset/3", "valid_minutes": 30}
    [sent] = client.send("password-reset", [{"email": "logs@viewers.example"}], context=letter)
    logs = vestnik.cloud.account.session.client("logs", endpoint_url=vestnik.cloud.emulator_url)
    seen: set[tuple[int, str, str]] = set()
    lines: list[str] = []

    def followed() -> bool:
        lines.extend(line for line in new_lines(logs, STAGE, since=since, seen=seen) if sent.id in line)
        return {line.split()[1] for line in lines} >= {"api", "enrich", "deliver"}

    eventually(followed)
    assert len(set(lines)) == len(lines)


def test_the_prompt_has_the_clouds_own_api_and_tables(vestnik: Vestnik, client: Client, tmp_path: Path) -> None:
    client.put_user("shell", email="shell@viewers.example", name="Shell")
    addresses = tmp_path / "local.json"
    urls = {name: getattr(vestnik.cloud, name) for name in ("api_url", "emulator_url", "mailbox_url")}
    addresses.write_text(json.dumps({**urls, "api_key": vestnik.api_key}))
    typed = 'vestnik.call("GET", "/v1/users/shell")["name"]\nstage.directory.get("shell").email\n'

    command = [sys.executable, "-m", "infra.local.shell", str(addresses)]
    done = subprocess.run(command, input=typed, capture_output=True, text=True, cwd=ROOT, timeout=120, check=True)

    assert "'Shell'" in done.stdout
    assert "'shell@viewers.example'" in done.stdout
