"""Whom a run wrote to, by the ledger: for resends, and for audiences of other campaigns."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib.clock import parse_rfc3339
from chalicelib.deliveries import DeliveryKey
from chalicelib.storage.dynamodb import batch_read, reaching_dynamodb
from chalicelib.storage.ledger_transaction import place_of
from chalicelib.storage.rows.ledger import (
    NOTIFICATION_PART,
    UNSENT_SHARDS,
    DeliveryRow,
    LedgerRow,
    NotificationRow,
)
from chalicelib.storage.values import value_of

UNSENT_PLACES = UNSENT_SHARDS  # partitions of a run's unsent letters
_MOMENTS = ("opened_at", "clicked_at")
_OPENING = ("notification_id", "part", *_MOMENTS)


class KnownNotification(NamedTuple):
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


def read_openings(keys: Collection[DeliveryKey]) -> dict[DeliveryKey, datetime]:
    """When a person opened each delivery or clicked in it, whichever came later, as of a second ago; those that nobody
    opened are missing. One request after another, at half the price of a consistent read. Raises: UnavailableError
    (retryable)."""
    places = {place_of(key): key for key in keys}
    found: dict[DeliveryKey, datetime] = {}
    with reaching_dynamodb():
        for _, item in batch_read({DeliveryRow: list(places)}, attributes=_OPENING, consistent=False):
            moments = [item[name]["S"] for name in _MOMENTS if name in item]
            if moments:
                key = places[(item["notification_id"]["S"], item["part"]["S"])]
                found[key] = max(map(parse_rfc3339, moments))
    return found
