"""A command that works on a stage finds it: any in the environment, the local cloud by itself."""

import json
import os
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from infra.account import Account
from infra.acting import act_in, find_addresses
from tests.serving import serving

pytestmark = pytest.mark.usefixtures("own_environment")


class Healthy(BaseHTTPRequestHandler):
    """What an emulator says that runs."""

    def do_GET(self) -> None:
        self.send_response(HTTPStatus.NO_CONTENT)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def emulator() -> Iterator[str]:
    """The address of one."""
    with serving(HTTPServer(("127.0.0.1", 0), Healthy)) as url:
        yield url


def test_the_stage_local_is_the_cloud_that_runs_here(
    emulator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("VESTNIK_STAGE", raising=False)
    addresses = tmp_path / "local.json"
    addresses.write_text(json.dumps({"emulator_url": emulator, "mailbox_url": "http://127.0.0.1:8025"}))

    act_in("local", addresses)

    assert os.environ["AWS_ENDPOINT_URL"] == emulator
    assert os.environ["VESTNIK_STAGE"] == "local"


def test_without_one_it_says_how_to_start_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise G5: no cloud, no traceback."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with pytest.raises(SystemExit, match=r"^no local cloud runs: start one with `make run`.*$"):
        act_in("local", tmp_path / "local.json")


class Deployed(Account):
    """One whose app says where it answers."""

    def outputs(self, stack: str) -> dict[str, str]:
        if stack == "vestnik-prod-infra":
            return {"MediaUrl": "https://ghi.cloudfront.example"}
        assert stack == "vestnik-prod-app"
        return {"PublicUrl": "https://abc.execute-api.example/api", "LiveUrl": "wss://def.execute-api.example/api"}


def test_an_address_that_the_stage_leaves_open_is_the_one_that_the_app_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("VESTNIK_PUBLIC_URL", "")
    monkeypatch.setenv("VESTNIK_MEDIA_URL", "")
    monkeypatch.setenv("VESTNIK_LIVE_URL", "wss://live.cinema.example")
    act_in("prod")

    find_addresses(Deployed())

    assert os.environ["VESTNIK_PUBLIC_URL"] == "https://abc.execute-api.example/api"
    assert os.environ["VESTNIK_MEDIA_URL"] == "https://ghi.cloudfront.example"
    assert os.environ["VESTNIK_LIVE_URL"] == "wss://live.cinema.example"
