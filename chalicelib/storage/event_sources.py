"""What people ask of the event sources. A change that somebody has not seen is not overwritten. Each function raises
UnavailableError (retryable)."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from chalicelib.errors import ConflictError, Phrase
from chalicelib.etags import Seen, tag_of
from chalicelib.storage.dynamodb import reaching_dynamodb, update_if
from chalicelib.storage.rows.flow import ConsumerRow
from chalicelib.storage.values import find

_SAVE_TRIES = 3


class Wish(NamedTuple):
    """What people asked of a consumer; None: as deployed."""

    paused: bool
    max_concurrency: int | None
    batch_size: int | None

    @property
    def tag(self) -> str:
        """The tag that `seen` is compared with."""
        return tag_of(self._asdict())


def read_wishes(queues: Sequence[str]) -> dict[str, Wish]:
    """By queue, in one request (at most 100)."""
    with reaching_dynamodb():
        rows = {row.name: row for row in ConsumerRow.batch_get(list(queues), consistent_read=True)}
    return {queue: _wish(rows.get(queue) or ConsumerRow(queue)) for queue in queues}


def save_wish(
    queue: str,
    *,
    by: str,
    at: datetime,
    paused: bool | None = None,
    max_concurrency: int | None = None,
    batch_size: int | None = None,
    seen: Seen | None = None,
) -> None:
    """Changes what is not None, and with `seen` only that state. Raises: ChangedError, ConflictError (permanent)."""
    wanted = {"paused": paused, "max_concurrency": max_concurrency, "batch_size": batch_size}
    actions = [getattr(ConsumerRow, name).set(value) for name, value in wanted.items() if value is not None]
    actions += [ConsumerRow.by.set(by), ConsumerRow.changed_at.set(at.timestamp())]
    for _ in range(_SAVE_TRIES):
        row, unchanged = find(ConsumerRow, queue) or ConsumerRow(queue), None
        if seen is not None:
            seen.require(_wish(row)._asdict(), what=Phrase("the consumer {queue}", queue=queue))
            changed_at = ConsumerRow.changed_at
            unchanged = changed_at.does_not_exist() if row.changed_at is None else changed_at == row.changed_at
        if update_if(ConsumerRow(queue), actions, unchanged):
            return
    raise ConflictError(Phrase("the consumer {name} is being changed by others: read it and try again", name=queue))


def _wish(row: ConsumerRow) -> Wish:
    numbers = (int(number) if number else None for number in (row.max_concurrency, row.batch_size))
    return Wish(bool(row.paused), *numbers)
