"""What people ask of event sources, kept apart from what the sources are: a change that somebody has not seen is not
written over."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from chalicelib.errors import ConflictError
from chalicelib.etags import Seen, tag_of
from chalicelib.storage.dynamodb import find, reaching_dynamodb, update_if
from chalicelib.storage.rows.flow import ConsumerRow

_SAVE_TRIES = 3


class Wish(NamedTuple):
    """What people have asked of a consumer; None: as deployed."""

    paused: bool
    max_concurrency: int | None
    batch_size: int | None

    @property
    def tag(self) -> str:
        """As somebody has seen it."""
        return tag_of(self._asdict())


def read_wishes(queues: Sequence[str]) -> dict[str, Wish]:
    """What is asked of each, in one request (queues: at most 100). Raises: UnavailableError (retryable)."""
    with reaching_dynamodb():
        rows = {row.name: row for row in ConsumerRow.batch_get(list(queues), consistent_read=True)}
    return {queue: _wish(rows.get(queue) or ConsumerRow(queue)) for queue in queues}


def save_wish(queue: str, actions: list[Any], *, seen: Seen | None) -> None:
    """Changes what is asked; with `seen`, only that. Raises: ChangedError, ConflictError (permanent), UnavailableError
    (retryable)."""
    for _ in range(_SAVE_TRIES):
        row, unchanged = find(ConsumerRow, queue) or ConsumerRow(queue), None
        if seen is not None:
            seen.require(_wish(row)._asdict(), what=f"the consumer {queue}")
            at = ConsumerRow.changed_at
            unchanged = at.does_not_exist() if row.changed_at is None else at == row.changed_at
        if update_if(ConsumerRow(queue), actions, unchanged):
            return
    raise ConflictError(f"the consumer {queue} is being changed by others: read it and try again")


def _wish(row: ConsumerRow) -> Wish:
    numbers = (int(number) if number else None for number in (row.max_concurrency, row.batch_size))
    return Wish(bool(row.paused), *numbers)
