"""Work that nobody waits for, done while the local cloud runs already: tried until it succeeds, told in a line each."""

import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from infra.local.patience import Say

_FIRST_PAUSE_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 60.0


class Task(NamedTuple):
    """`do` may be repeated, whatever an earlier try has done of it."""

    name: str
    do: Callable[[], None]


class Background:
    """One thread for all of it: side by side the tasks would slow each other, and the user's own letters, down."""

    def __init__(self, tasks: Sequence[Task], *, failures: tuple[type[Exception], ...], say: Say) -> None:
        """`failures`: errors that a later try may fix; any other ends its task, and is reported too."""
        self._tasks = tasks
        self._failures = failures
        self._say = say
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="background", daemon=True)

    def start(self) -> None:
        """Returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """No further try; the one that is under way is left alone, as whatever it calls is about to stop."""
        self._ended.set()

    def join(self, timeout_seconds: float) -> None:
        """Waits until the thread has ended."""
        self._thread.join(timeout_seconds)

    def _work(self) -> None:
        for task in self._tasks:
            self._persist(task)

    def _persist(self, task: Task) -> None:
        pause, told = _FIRST_PAUSE_SECONDS, ""
        while not self._ended.is_set():
            try:
                task.do()
            except self._failures as error:
                line = f"{task.name}: not yet ({_first_line(error)}); trying again"
                if line != told:
                    self._tell(line)
                told = line
            except Exception as error:
                self._tell(f"{task.name}: given up ({_first_line(error)}); the next start tries again")
                return
            else:
                self._tell(f"{task.name}: ready")
                return
            self._ended.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _tell(self, line: str) -> None:
        if not self._ended.is_set():
            self._say(line)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200] or type(error).__name__
