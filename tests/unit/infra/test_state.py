import stat
from pathlib import Path

import pytest

from infra.local.patience import StartError
from infra.local.state import SERVICES, StateFolder


def _saved(state: StateFolder, text: str) -> None:
    state.emulator.mkdir(parents=True)
    for service in SERVICES:
        (state.emulator / f"{service}.json").write_text(text)


def test_a_second_run_on_the_same_state_is_told_what_to_do(tmp_path: Path) -> None:
    first, second = StateFolder(tmp_path), StateFolder(tmp_path)
    first.acquire()
    with pytest.raises(StartError, match="Ctrl-C"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_a_file_that_was_cut_short_is_noticed(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    _saved(state, "{}")
    assert state.is_whole()
    (state.emulator / "dynamodb.json").write_text('{"payload": {')
    assert not state.is_whole()


def test_a_service_that_was_not_saved_is_noticed(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    _saved(state, "{}")
    (state.emulator / "sqs.json").unlink()
    assert not state.is_whole()


def test_damaged_state_is_moved_and_not_deleted(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    _saved(state, "{")
    aside = state.set_aside()
    assert state.is_empty()
    assert (aside / "dynamodb.json").read_text() == "{"


def test_state_that_was_not_to_blame_is_put_back(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    _saved(state, "{}")
    aside = state.set_aside()
    state.emulator.mkdir()
    state.put_back(aside)
    assert (state.emulator / "dynamodb.json").read_text() == "{}"


def test_the_api_key_stays_the_same_and_is_the_owners_alone(tmp_path: Path) -> None:
    key = StateFolder(tmp_path).api_key()
    assert StateFolder(tmp_path).api_key() == key
    assert stat.S_IMODE((tmp_path / "api-key.json").stat().st_mode) == 0o600
