"""Requests: calls of the API, and events of the site. A scheduled request is in an index until it is released."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from chalicelib.errors import ConflictError, Phrase
from chalicelib.storage.dynamodb import reaching_dynamodb, save_if, update_if
from chalicelib.storage.rows.ledger import EVENT_PART, REQUEST_PART, EventRow, LedgerRow, RequestRow
from chalicelib.storage.values import find, value_of

DUE_SHARDS = 4  # the waiting requests are spread over so many partitions of the by-due index
_TRIES = 5


class StoredRequest(NamedTuple):
    """One call. `body_hash` tells a retry from another use of its key; `letter` is a stored `LetterSpec`. Times are RFC
    3339; `due_at`: it waits until then."""

    id: str
    created_at: str
    caller: str
    body_hash: str
    letter: Mapping[str, Any]
    channels: Sequence[str]
    recipients: Sequence[Any]  # as given; empty: erased
    expires_at_epoch: int
    send_at: str | None = None
    due_at: str | None = None
    spots: bool | None = None  # its letters have them (`deliveries.Spot`); None: the last release recorded it


class StoredEvent(NamedTuple):
    """One event of the site, with the steps of its rule at the time, and the (version, layout) of each letter."""

    id: str
    created_at: str
    caller: str
    body_hash: str
    steps: Sequence[Mapping[str, Any]]
    expires_at_epoch: int
    editions: Sequence[Sequence[Any]] | None = None  # None: an earlier release wrote it
    taken_at: str | None = None


def read_request(request_id: str) -> StoredRequest | None:
    """Raises: UnavailableError (retryable)."""
    row = find(RequestRow, request_id, REQUEST_PART)
    return _request(row) if row else None


def read_requests(request_ids: Collection[str]) -> list[StoredRequest]:
    """Those that still exist, eventually consistent. Raises: UnavailableError (retryable)."""
    keys = [(one, REQUEST_PART) for one in request_ids]
    with reaching_dynamodb():
        rows = list(LedgerRow.batch_get(keys)) if keys else []
    return [_request(row) for row in rows if isinstance(row, RequestRow)]


def record_request(request: StoredRequest) -> StoredRequest | None:
    """None if it was recorded; otherwise the existing one with this id. Raises: UnavailableError (retryable)."""
    row = RequestRow(
        request.id,
        REQUEST_PART,
        created_at=request.created_at,
        caller=request.caller,
        body_hash=request.body_hash,
        letter=request.letter,
        channels=list(request.channels),
        recipients=list(request.recipients),
        send_at=request.send_at,
        due_shard=str(int(request.id[:8], 16) % DUE_SHARDS) if request.due_at else None,
        due_at=request.due_at,
        expires_at_epoch=request.expires_at_epoch,
        spots=request.spots,
    )
    if save_if(row, LedgerRow.notification_id.does_not_exist()):
        return None
    with reaching_dynamodb():
        return _request(RequestRow.get(request.id, REQUEST_PART, consistent_read=True))


def due_requests(shard: int, *, until: str) -> list[str]:
    """The ids of a shard's requests whose time has come. Raises: UnavailableError (retryable)."""
    with reaching_dynamodb():
        return [row.notification_id for row in LedgerRow.by_due.query(str(shard), RequestRow.due_at <= until)]


def release_request(request_id: str) -> None:
    """Takes it out of the index. Raises: UnavailableError (retryable)."""
    with reaching_dynamodb():
        RequestRow(request_id, REQUEST_PART).update(actions=[RequestRow.due_shard.remove(), RequestRow.due_at.remove()])


def forget_recipients(request_id: str, theirs: Callable[[Any], bool]) -> None:
    """Empties those recipients, and the context of a letter to nobody else. An empty recipient keeps the positions of
    the others, from which their ids are derived. Raises: ConflictError (permanent: others of the same request are being
    erased), UnavailableError (retryable)."""
    for _ in range(_TRIES):
        row = find(RequestRow, request_id, REQUEST_PART)
        if row is None:
            return
        recipients = [{} if theirs(one) else one for one in row.recipients]
        letter = row.letter if any(recipients) else {**row.letter, "context": {}}
        without = [RequestRow.recipients.set(recipients), RequestRow.letter.set(letter)]
        if update_if(row, without, RequestRow.recipients == row.recipients):
            return
    raise ConflictError(Phrase("others from the same request are being erased; try again"))


def read_event(event_id: str) -> StoredEvent | None:
    """Raises: UnavailableError (retryable)."""
    row = find(EventRow, event_id, EVENT_PART)
    return _event(row) if row else None


def record_event(event: StoredEvent) -> StoredEvent:
    """Records it, or returns the existing one with this id. Raises: UnavailableError (retryable)."""
    row = EventRow(
        event.id,
        EVENT_PART,
        created_at=event.created_at,
        caller=event.caller,
        body_hash=event.body_hash,
        steps=event.steps,
        editions=event.editions,
        expires_at_epoch=event.expires_at_epoch,
    )
    if save_if(row, LedgerRow.notification_id.does_not_exist()):
        return event
    with reaching_dynamodb():
        return _event(EventRow.get(event.id, EVENT_PART, consistent_read=True))


def note_event_taken(event_id: str, *, at: str) -> None:
    """Its user is stored, and its letters are accepted. Raises: UnavailableError (retryable)."""
    with reaching_dynamodb():
        EventRow(event_id, EVENT_PART).update(actions=[EventRow.taken_at.set(at)])


def _request(row: RequestRow) -> StoredRequest:
    return value_of(StoredRequest, row, id=row.notification_id, expires_at_epoch=int(row.expires_at_epoch or 0))


def _event(row: EventRow) -> StoredEvent:
    return value_of(StoredEvent, row, id=row.notification_id, expires_at_epoch=int(row.expires_at_epoch or 0))
