"""Rows that many workers read before every call and seldom find changed: each process remembers them for a second.
`circuit_breakers.py` and `rate_limits.py` keep theirs so.
"""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.storage.dynamodb import find, reaching_dynamodb, update_if
from chalicelib.storage.rows.flow import LimitRow, SwitchRow

KNOWN_FOR_SECONDS = 1.0  # what a person sets is obeyed by every worker within this time
_R = TypeVar("_R", SwitchRow, LimitRow)


class KnownRows(Generic[_R]):
    """The rows of one table, by name. `now`: epoch seconds."""

    def __init__(self, model: type[_R], *, now: Callable[[], float]) -> None:
        self._model: type[_R] = model
        self._now = now
        self._known: dict[str, tuple[float, _R]] = {}

    def get(self, name: str) -> _R:
        """As it was at most a second ago; one that was never written is as new. Raises: UnavailableError
        (retryable)."""
        known = self._known.get(name)
        if known and 0 <= self._now() - known[0] < KNOWN_FOR_SECONDS:  # a clock may be set back
            return known[1]
        return self.remember(find(self._model, name) or self._model(name))

    def read_all(self, names: Sequence[str]) -> list[_R]:
        """As they are now, in one request (names: at most 100). Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            rows = {row.name: row for row in self._model.batch_get(list(names), consistent_read=True)}
        return [self.remember(rows.get(name) or self._model(name)) for name in names]

    def update(self, name: str, actions: list[Action], condition: Condition | None) -> bool:
        """Whether the condition held. Raises: UnavailableError (retryable)."""
        row = self._model(name)
        if not update_if(row, actions, condition):
            self.forget(name)
            return False
        self.remember(row)
        return True

    def remember(self, row: _R) -> _R:
        """Takes what somebody has just read; answers it."""
        self._known[row.name] = (self._now(), row)
        return row

    def forget(self, name: str) -> None:
        """The next look reads."""
        self._known.pop(name, None)

    def age_seconds(self, name: str) -> float:
        """How long ago a row that is known was read."""
        return self._now() - self._known[name][0]
