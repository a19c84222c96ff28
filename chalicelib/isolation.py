"""Working on a batch in which one item may be poisonous: an item that cannot be done fails alone, and the others are
done.

Any exception is blamed on the item unless it is known to pass, since a fault that nobody has foreseen must not stop a
batch (ADR 0057).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from chalicelib.aws_session import FAILURES, failure_of
from chalicelib.errors import BusyError, TooManyRequestsError, UnavailableError

_T = TypeVar("_T")
_R = TypeVar("_R")
# A subsystem that does not answer, a broken connection, a worker out of memory or disk: retryable.
_PASSING = (UnavailableError, BusyError, TooManyRequestsError, OSError, MemoryError)


def is_final(error: Exception) -> bool:
    """Whether the same work on the same item would fail again."""
    return not isinstance(failure_of(error, "") if isinstance(error, FAILURES) else error, _PASSING)


def is_contained(error: Exception) -> bool:
    """Whether the failure may stay with its item when the work is repeated on it alone: anything but MemoryError."""
    return not isinstance(error, MemoryError)


def each(
    do: Callable[[_T], _R],
    things: Iterable[_T],
    *,
    alone: Callable[[_T, Exception], object],
    stays: Callable[[Exception], bool] = is_final,
) -> list[_R]:
    """Does one item after the other and returns the results of those that succeeded. An item that fails for good goes
    to `alone` with its exception. Raises: whatever is not the item's own fault."""
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
) -> None:
    """Does all items at once; if that fails for good, both halves, until a failing item stands alone and goes to
    `alone`. `do` may be repeated and is never called with nothing. Raises: whatever is not the item's own fault."""
    parts = [things] if things else []
    while parts:
        part = parts.pop()
        try:
            do(part)
            continue
        except Exception as error:
            if not is_final(error):
                raise
            if len(part) == 1:
                alone(part[0], error)
                continue
        middle = len(part) // 2
        parts += [part[middle:], part[:middle]]


def portions(things: Iterable[_T], *, most: int, room: int, size: Callable[[_T], int]) -> Iterator[tuple[_T, ...]]:
    """All of them, in order, at most so many together and no more than this size, unless a single one is larger."""
    portion: list[_T] = []
    left = room
    for thing in things:
        needed = size(thing)
        if portion and (len(portion) == most or needed > left):
            yield tuple(portion)
            portion, left = [], room
        portion.append(thing)
        left -= needed
    if portion:
        yield tuple(portion)
