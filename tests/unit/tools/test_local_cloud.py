"""The tools find the local cloud that runs, and nothing that has ended."""

import os
from pathlib import Path

import pytest
from requests.utils import should_bypass_proxies

from infra.local.process import free_port
from infra.local.running import running_cloud
from tools.local_cloud import local_cloud, stay_on_this_machine

pytestmark = pytest.mark.usefixtures("own_environment")


def test_without_a_cloud_a_tool_says_how_to_start_one(tmp_path: Path) -> None:
    """Promise G5: no cloud, no traceback."""
    with pytest.raises(SystemExit, match=r"^no local cloud runs: start one with `make run`.*$"):
        local_cloud(tmp_path / "local.json")


@pytest.mark.parametrize("text", ["", "{", "{}", '{"emulator_url": "http://127.0.0.1:PORT"}', "[]", "5"])
def test_what_a_killed_run_has_left_behind_is_no_cloud(tmp_path: Path, text: str) -> None:
    """Promise G5: a file that outlived its run misleads nobody."""
    left = tmp_path / "local.json"
    left.write_text(text.replace("PORT", str(free_port())))
    with pytest.raises(SystemExit, match=r"^no local cloud runs"):
        local_cloud(left)


@pytest.mark.parametrize("names", ["", "intranet.example"])
def test_what_runs_here_is_reached_past_a_proxy_and_the_users_own_aws(
    monkeypatch: pytest.MonkeyPatch, names: str
) -> None:
    """Promise G5: what a shell has exported for other work neither stops the local cloud and its tools nor is used."""
    own = {"AWS_PROFILE": "nosuch", "AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    for name, value in {**own, "HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": names, "no_proxy": names}.items():
        monkeypatch.setenv(name, value)

    stay_on_this_machine()

    assert not own.keys() & os.environ.keys()
    assert should_bypass_proxies("http://127.0.0.1:4566/", no_proxy=None)
    assert should_bypass_proxies("http://intranet.example/", no_proxy=None) == bool(names)
    assert not should_bypass_proxies("http://cinema.example/", no_proxy=None)
    cloud = running_cloud({"emulator_url": "http://127.0.0.1:4566", "mailbox_url": "http://127.0.0.1:8025"})
    assert cloud.account.logs.meta.endpoint_url == "http://127.0.0.1:4566"
