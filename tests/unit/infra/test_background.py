"""Work in the background is tried until it succeeds, and never ends what runs."""

from collections.abc import Iterator
from threading import Event

import pytest

from infra.local import background
from infra.local.background import Background, Task

LIMIT_SECONDS = 30  # guards against hangs; measures nothing


class BusyError(Exception):
    """What a later try may fix."""


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_FIRST_PAUSE_SECONDS", 0)


def run(*tasks: Task) -> list[str]:
    """What is told until all of them have ended."""
    said, ended = list[str](), Event()
    work = Background([*tasks, Task("end", ended.set)], failures=(BusyError,), say=said.append)
    work.start()
    assert ended.wait(LIMIT_SECONDS)
    work.stop()
    return [line for line in said if not line.startswith("end")]


def failing(tries: Iterator[Exception | None], name: str = "demo data") -> Task:
    def do() -> None:
        if error := next(tries):
            raise error

    return Task(name, do)


def test_a_task_that_fails_is_tried_again_and_told_once() -> None:
    """Promise G4: demo data that a busy machine did not take is made up for, and said in a line."""
    said = run(failing(iter([BusyError("502\nand more"), BusyError("502"), None])))
    assert said == ["demo data: not yet (502); trying again", "demo data: ready"]


def test_a_mistake_of_ours_ends_its_task_and_no_other() -> None:
    """Promise G4: only what is essential is fatal."""
    said = run(failing(iter([KeyError("name")])), failing(iter([None]), "campaigns"))
    assert said == ["demo data: given up ('name'); the next start tries again", "campaigns: ready"]


def test_nothing_is_tried_or_told_after_the_stop() -> None:
    said, begun, go_on = list[str](), Event(), Event()
    tries = 0

    def do() -> None:
        nonlocal tries
        tries += 1
        begun.set()
        go_on.wait(LIMIT_SECONDS)
        raise BusyError

    work = Background([Task("demo data", do)], failures=(BusyError,), say=said.append)
    work.start()
    assert begun.wait(LIMIT_SECONDS)
    work.stop()
    go_on.set()
    work.join(LIMIT_SECONDS)
    assert (tries, said) == (1, [])
