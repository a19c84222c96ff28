"""The limits of one rendering: steps, characters, depth, time. The sandbox charges every piece of work whose size a
template decides; one budget is in force per thread while a template is compiled or rendered. `counted`, `stepped` and
`weighed` charge for lists (ADR 0012)."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import CodeType
from typing import Any

from chalicelib.errors import Phrase, RenderError
from chalicelib.reasons import Reason

MAX_OUTPUT_CHARS = 512 * 1024
MAX_MADE_CHARS = 8 * 1024 * 1024
MAX_STEPS = 100_000
MAX_DEPTH = 32
MAX_ITEMS = 10_000  # of a list
MAX_SECONDS = 2.0
_STEPS_PER_LOOK = 32  # reading the thread's clock costs as much as a step, and every piece of work is bounded by itself

Monotonic = Callable[[], float]
Shorten = Callable[[str], str]


class Budget:
    """Counts down; each method raises RenderError (permanent) when its limit is reached.

    It uses neither signals nor threads, so it works in any thread of a Lambda worker.
    """

    __slots__ = ("_deadline", "_depth", "_look_below", "_made", "_monotonic", "_steps", "code", "names", "shorten")

    def __init__(
        # The thread's own time: a busy machine is not the letter's fault.
        self,
        names: Mapping[str, object],
        monotonic: Monotonic = time.thread_time,
        *,
        shorten: Shorten = str,
    ) -> None:
        self.names = names
        self.code: CodeType | None = None  # of the part that is running
        self.shorten = shorten
        self._monotonic = monotonic
        self._deadline = monotonic() + MAX_SECONDS
        self._steps = self._look_below = MAX_STEPS
        self._made = MAX_MADE_CHARS
        self._depth = 0

    def step(self, count: int = 1) -> None:
        """`count` pieces of work: loop iterations, calls, operations."""
        self._steps -= count
        if self._steps < self._look_below:
            self._look()

    def make(self, size_chars: int) -> None:
        """A text of this size is about to be made, or just was."""
        self.step()
        self._made -= size_chars
        if size_chars > MAX_OUTPUT_CHARS or self._made < 0:
            raise RenderError(
                Reason.TOO_LARGE, Phrase("the template makes a text of over {size} characters", size=MAX_OUTPUT_CHARS)
            )

    def _look(self) -> None:
        if self._steps < 0:
            raise RenderError(Reason.TOO_SLOW, Phrase("the template takes over {steps} steps", steps=MAX_STEPS))
        if self._monotonic() > self._deadline:
            raise RenderError(Reason.TOO_SLOW, Phrase("the template takes over {time} s", time=f"{MAX_SECONDS:g}"))
        self._look_below = max(0, self._steps - _STEPS_PER_LOOK)

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """One call within another."""
        self._depth += 1
        try:
            if self._depth > MAX_DEPTH:
                raise RenderError(
                    Reason.TOO_SLOW, Phrase("macros call each other over {depth} levels deep", depth=MAX_DEPTH)
                )
            yield
        finally:
            self._depth -= 1


_current: ContextVar[Budget] = ContextVar("budget")


def current() -> Budget:
    """The budget in force. Raises: LookupError outside a rendering."""
    return _current.get()


@contextmanager
def spend(budget: Budget) -> Iterator[Budget]:
    """Puts the budget in force for the `with` block, in this thread only."""
    token = _current.set(budget)
    try:
        yield budget
    finally:
        _current.reset(token)


def counted(values: Any) -> Any:
    """Wraps what every `for` loops over: each iteration is a step."""
    try:
        current().step(len(values) + 1)
    except TypeError:
        return _one_by_one(values)
    return values


def _one_by_one(values: Iterable[object]) -> Iterable[object]:
    purse = current()
    for value in values:
        purse.step()
        yield value


def stepped(value: Any) -> Any:
    """An operand of a comparison: costs a step and its own weight, because `==` walks nested lists to the end."""
    current().step(_weight(value) if isinstance(value, list | tuple | dict) else 1)
    return value


def weighed(value: Any) -> Any:
    """A list, object or slice that the template made itself. Ten nested levels of `[x, x, …]` are few objects but
    billions of items to walk, so the weight counts each item as often as it would be visited."""
    if isinstance(value, str):
        current().make(len(value))
    else:
        current().step(_weight(value))
    return value


def _weight(value: object) -> int:
    pending, weight = [value], 0
    while pending:
        one = pending.pop()
        weight += 1
        if isinstance(one, Mapping):
            pending.extend(one.values())
            pending.extend(one)
        elif isinstance(one, list | tuple):
            pending.extend(one)
        if weight + len(pending) > MAX_ITEMS:
            raise RenderError(
                Reason.TOO_LARGE, Phrase("the template makes a list of over {most} items", most=MAX_ITEMS)
            )
    return weight
