"""Waiting says what for, and ends with what to do."""

import pytest

from infra.local import patience
from infra.local.patience import StartError, until


def test_the_first_thing_that_comes_is_the_answer() -> None:
    answers = iter([None, None, "there"])
    assert until(lambda: next(answers), what="it", pause_seconds=0) == "there"


def test_a_long_wait_says_what_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise G4: whoever waits is told what for."""
    monkeypatch.setattr(patience, "_WORD_EVERY_SECONDS", 0)
    said = list[str]()
    answers = iter([None, None, "there"])
    until(lambda: next(answers), what="the API", say=said.append, pause_seconds=0)
    assert said == ["waiting for the API"] * 2


def test_what_never_comes_ends_with_what_to_do() -> None:
    with pytest.raises(StartError, match=r"the emulator did not come in 0 s: see its log"):
        until(lambda: None, what="the emulator", limit_seconds=0, remedy="see its log", pause_seconds=0)
