"""Counts the requests to DynamoDB that a piece of code costs."""

from collections import Counter
from typing import Any

from chalicelib.storage.dynamodb import dynamodb


class Requests:
    """Those made from now on, by operation."""

    def __init__(self) -> None:
        self._made: Counter[str] = Counter()
        dynamodb().client.meta.events.register("before-call.dynamodb", self._note)

    def count(self, operation: str | None = None) -> int:
        """How many, of one operation or of all."""
        return self._made[operation] if operation else self._made.total()

    def _note(self, model: Any, **_: Any) -> None:
        self._made[model.name] += 1
