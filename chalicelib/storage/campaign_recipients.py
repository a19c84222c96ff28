"""Whom a run wrote to, by the ledger: for resends, and for excluding them from other campaigns."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.storage.dynamodb import batch_read, reaching_dynamodb, value_of
from chalicelib.storage.rows.ledger import NOTIFICATION_PART, UNSENT_SHARDS, DeliveryRow, LedgerRow, NotificationRow

UNSENT_PLACES = UNSENT_SHARDS  # partitions of a run's unsent letters


@dataclass(frozen=True, slots=True)
class KnownNotification:
    """One recipient's notification: `recipient` as given, `user_id` its owner (`addresses.owner_of`)."""

    notification_id: str
    recipient: Mapping[str, Any]
    user_id: str | None = None
    run_id: str | None = None


def unsent(
    run_id: str, place: int, *, reason: str | None, limit: int, after: dict[str, Any] | None
) -> tuple[list[str], dict[str, Any] | None]:
    """The ids of notifications in one partition that a run certainly did not send, for a reason (None: any), and where
    the next page begins. Raises: UnavailableError (retryable)."""
    wanted = None if reason is None else DeliveryRow.reason == reason
    with reaching_dynamodb():
        page = LedgerRow.by_unsent.query(
            f"{run_id}#{place}", wanted, limit=limit, page_size=limit, last_evaluated_key=after
        )
        ids = list(dict.fromkeys(row.notification_id for row in page))
    return ids, page.last_evaluated_key


def read_notifications(ids: Collection[str]) -> list[KnownNotification]:
    """Those of these that exist. Raises: UnavailableError (retryable)."""
    keys = [(one, NOTIFICATION_PART) for one in ids]
    with reaching_dynamodb():
        rows = list(NotificationRow.batch_get(keys, consistent_read=True)) if keys else []
    return [value_of(KnownNotification, row) for row in rows]


def known_notifications(ids: Collection[str]) -> set[str]:
    """The ids of those that exist. Raises: UnavailableError (retryable)."""
    keys = [(one, NOTIFICATION_PART) for one in ids]
    with reaching_dynamodb():
        found = batch_read({NotificationRow: keys}, attributes=("notification_id",)) if keys else ()
        return {item["notification_id"]["S"] for _, item in found}
