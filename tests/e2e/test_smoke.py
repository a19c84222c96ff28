"""The smoke test on a live stage: the local cloud, healthy and unreachable."""

from collections.abc import Iterator

import pytest

from chalicelib.storage.api_keys import page_of_keys
from infra.local.cloud import LocalCloud
from infra.smoke import Doors, doors_of_stage, try_out
from tests.processes import new_process

pytestmark = pytest.mark.e2e


@pytest.fixture
def doors(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doors]:
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    new_process()
    yield doors_of_stage(cloud.account, "local")
    new_process()


def test_a_stage_that_works_is_tried_to_the_delivered_letter_and_nothing_is_left_behind(
    doors: Doors, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doors.letters
    assert try_out(doors) == 0, capsys.readouterr().out
    told = capsys.readouterr().out
    assert told.count("works ") == 5
    keys = [one for one in page_of_keys(limit=100, cursor=None)[0] if one.name == "smoke test"]
    assert keys
    assert all(key.revoked_at for key in keys)


def test_doors_that_are_shut_are_told_one_by_one(doors: Doors, capsys: pytest.CaptureFixture[str]) -> None:
    shut = Doors("http://127.0.0.1:9", "ws://127.0.0.1:9", "local")
    assert try_out(shut) == 5
    assert capsys.readouterr().out.count("DOES NOT WORK") == 5


def test_another_stage_is_not_taken_for_this_one(doors: Doors, capsys: pytest.CaptureFixture[str]) -> None:
    other = Doors(doors.public_url, doors.live_url, "prod", letters=False)
    assert try_out(other) == 1
    assert "is another stage" in capsys.readouterr().out
