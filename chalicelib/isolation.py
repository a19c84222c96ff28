"""Work on many things of which one may be poisonous: each that cannot be done ends by itself, and the others are done.

Whatever is raised is the fault of what was worked on, unless it is known to pass: a fault that nobody has thought of
must not be able to stop a batch. Every worker that has several in its hands asks here.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from chalicelib.aws_session import FAILURES, failure_of
from chalicelib.errors import BusyError, TooManyRequestsError, UnavailableError

_T = TypeVar("_T")
_R = TypeVar("_R")
# A subsystem that is not there, a connection that broke, a worker that has no room left: the same may be done later.
_PASSING = (UnavailableError, BusyError, TooManyRequestsError, OSError, MemoryError)


def is_final(error: Exception) -> bool:
    """Whether the same work on the same thing fails again."""
    return not isinstance(failure_of(error, "") if isinstance(error, FAILURES) else error, _PASSING)


def is_contained(error: Exception) -> bool:
    """Whether it may stay with its thing where the same work is done again by itself: all but a lack of memory."""
    return not isinstance(error, MemoryError)


def each(
    do: Callable[[_T], _R],
    things: Iterable[_T],
    *,
    alone: Callable[[_T, Exception], object],
    stays: Callable[[Exception], bool] = is_final,
) -> list[_R]:
    """Does one after the other; what came of those that could be done. Any other is given to `alone`, with what was
    raised. Raises: what does not stay with its thing."""
    done = []
    for thing in things:
        try:
            done.append(do(thing))
        except Exception as error:
            if not stays(error):
                raise
            alone(thing, error)
    return done


def together(
    do: Callable[[Sequence[_T]], object],
    things: Sequence[_T],
    *,
    alone: Callable[[_T, Exception], object],
    stays: Callable[[Exception], bool] = is_final,
) -> None:
    """Does all at once; where that fails for good, both halves, until whatever cannot be done is by itself and is given
    to `alone`. `do` may be repeated, and nothing is done for nothing. Raises: what does not stay with its thing."""
    parts = [things] if things else []
    while parts:
        part = parts.pop()
        try:
            do(part)
            continue
        except Exception as error:
            if not stays(error):
                raise
            if len(part) == 1:
                alone(part[0], error)
                continue
        middle = len(part) // 2
        parts += [part[middle:], part[:middle]]
