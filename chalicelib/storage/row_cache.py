"""Rows that many workers read before every call and that seldom change: each process caches them for a second."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.storage.dynamodb import reaching_dynamodb, update_if
from chalicelib.storage.rows.flow import LimitRow, SwitchRow
from chalicelib.storage.values import find

KNOWN_FOR_SECONDS = 1.0  # every worker follows a person's change within this time
_R = TypeVar("_R", SwitchRow, LimitRow)


class RowCache(Generic[_R]):
    """The rows of one table by name. `now`: epoch seconds. Each method raises UnavailableError (retryable)."""

    def __init__(self, model: type[_R], *, now: Callable[[], float]) -> None:
        self._model: type[_R] = model
        self._now = now
        self._known: dict[str, tuple[float, _R]] = {}

    def get(self, name: str) -> _R:
        """At most a second old; a row that was never written is a new one."""
        known = self._known.get(name)
        if known and 0 <= self._now() - known[0] < KNOWN_FOR_SECONDS:  # a clock may be set back
            return known[1]
        return self.remember(find(self._model, name) or self._model(name))

    def read(self, name: str) -> _R:
        """As it is now."""
        self.forget(name)
        return self.get(name)

    def read_all(self, names: Sequence[str]) -> list[_R]:
        """As they are now, in one request (at most 100)."""
        with reaching_dynamodb():
            rows = {row.name: row for row in self._model.batch_get(list(names), consistent_read=True)}
        return [self.remember(rows.get(name) or self._model(name)) for name in names]

    def update(self, name: str, actions: Sequence[Action], condition: Condition | None) -> bool:
        """Whether the condition held."""
        row = self._model(name)
        if not update_if(row, actions, condition):
            self.forget(name)
            return False
        self.remember(row)
        return True

    def remember(self, row: _R) -> _R:
        """Takes a row that was just read; returns it."""
        self._known[row.name] = (self._now(), row)
        return row

    def forget(self, name: str) -> None:
        """The next `get` reads."""
        self._known.pop(name, None)

    def age_seconds(self, name: str) -> float:
        """Since a known row was read."""
        return self._now() - self._known[name][0]
