"""Waiting on a machine that may be busy: long enough, and with a word now and then about what for."""

import time
from collections.abc import Callable
from typing import TypeVar

Say = Callable[[str], None]
_T = TypeVar("_T")

# Four cold starts fit into it on a twentieth of a core. It guards against hangs; nobody waits for it otherwise.
LIMIT_SECONDS = 300
_WORD_EVERY_SECONDS = 10


class StartError(RuntimeError):
    """The local cloud cannot start; the message says what to do."""


def silent(_: str) -> None:
    """Says nothing."""


def until(
    look: Callable[[], _T | None],
    *,
    what: str,
    say: Say = silent,
    limit_seconds: float = LIMIT_SECONDS,
    pause_seconds: float = 0.1,
    remedy: str = "the machine may be too busy; run it again when it is less so",
) -> _T:
    """The first result of `look` that is not None; says `waiting for <what>` every ten seconds. Raises: StartError with
    the `remedy` after `limit_seconds`."""
    started = told = time.monotonic()
    while (seen := look()) is None:
        now = time.monotonic()
        if now - started > limit_seconds:
            raise StartError(f"{what} did not come in {limit_seconds:.0f} s: {remedy}")
        if now - told >= _WORD_EVERY_SECONDS:
            told = now
            say(f"waiting for {what}")
        time.sleep(pause_seconds)
    return seen
