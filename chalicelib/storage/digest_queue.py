"""Letters that wait to be collected into a digest, stored under their user."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.errors import UnavailableError
from chalicelib.isolation import each
from chalicelib.observability import log_failure
from chalicelib.storage.dynamodb import reaching_dynamodb, save_if, transaction
from chalicelib.storage.rows.digests import DIGEST_SHARDS, DigestRow
from chalicelib.storage.values import raw_query, value_of

_PAGE = 500  # rows read per partition of the index


class CollectedLetter(NamedTuple):
    """One waiting letter. `letter` is a stored `LetterSpec`; once `batch` is set, `fate` is `{line}` or `{reason}`.
    `due_at` is RFC 3339."""

    user_id: str
    notification_id: str
    due_at: str
    letter: Mapping[str, Any]
    context: Mapping[str, Any]
    channels: Sequence[str]
    locale: str
    expires_at_epoch: int
    batch: str | None = None
    fate: Mapping[str, Any] | None = None
    spot: str | None = None  # where its outcomes are (`deliveries.Spot`)


def put_collected(one: CollectedLetter) -> None:
    """Existing ones stay as they are. Raises: UnavailableError (retryable)."""
    row = DigestRow(
        one.user_id,
        one.notification_id,
        due_shard=str(int(one.notification_id[:8], 16) % DIGEST_SHARDS),
        due_at=one.due_at,
        letter=one.letter,
        context=one.context,
        channels=list(one.channels),
        locale=one.locale,
        spot=one.spot,
        expires_at_epoch=one.expires_at_epoch,
    )
    save_if(row, DigestRow.user_id.does_not_exist())


def users_due(until: str) -> set[str]:
    """Some of the users whose letters are due. Raises: UnavailableError (retryable)."""
    users: set[str] = set()
    with reaching_dynamodb():
        for shard in range(DIGEST_SHARDS):
            due = DigestRow.by_due.query(str(shard), DigestRow.due_at <= until, limit=_PAGE, page_size=_PAGE)
            users |= {row.user_id for row in due}
    return users


def collected_of(user_id: str, *, until: str | None = None) -> tuple[list[CollectedLetter], list[str]]:
    """What waits for a user, due `until` a moment if one is given; and the notification ids of unreadable letters.
    Raises: UnavailableError (retryable)."""
    unreadable: list[str] = []

    def alone(item: dict[str, Any], error: Exception) -> None:
        notification_id = item["notification_id"]["S"]
        log_failure("collected letter", error, notification_id=notification_id)
        unreadable.append(notification_id)

    with reaching_dynamodb():
        items = [one for one in raw_query(DigestRow, user_id) if until is None or _due_at(one) <= until]
    return each(_collected, items, alone=alone), unreadable


def fix_batch(user_id: str, batch: str, fates: Mapping[str, Mapping[str, Any]]) -> None:
    """Gives letters, by notification id, their batch and fate: all or none. Raises: UnavailableError (retryable):
    another worker has done so."""

    def write(writes: TransactWrite) -> None:
        free = DigestRow.user_id.exists() & DigestRow.batch.does_not_exist()
        for notification_id, fate in fates.items():
            actions: list[Action] = [DigestRow.batch.set(batch), DigestRow.fate.set(fate)]
            writes.update(DigestRow(user_id, notification_id), actions=actions, condition=free)

    if not transaction(write):
        raise UnavailableError("another worker has begun this digest")


def forget_collected(user_id: str, notification_ids: Collection[str]) -> None:
    """Raises: UnavailableError (retryable)."""
    with reaching_dynamodb(), DigestRow.batch_write() as batch:
        for one in notification_ids:
            batch.delete(DigestRow(user_id, one))


def _due_at(item: Mapping[str, Any]) -> str:
    return str(item.get("due_at", {}).get("S", ""))


def _collected(item: dict[str, Any]) -> CollectedLetter:
    row = DigestRow.from_raw_data(item)
    if not row.channels or not isinstance(row.context, dict) or not isinstance(row.fate or {}, dict):
        raise TypeError("a collected letter has channels, a context and perhaps a fate")
    return value_of(CollectedLetter, row, expires_at_epoch=int(row.expires_at_epoch or 0))
