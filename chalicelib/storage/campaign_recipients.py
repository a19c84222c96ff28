"""Whom a run wrote to, by the ledger: for resends, and for audiences of other campaigns."""

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib.clock import parse_rfc3339
from chalicelib.deliveries import DeliveryKey
from chalicelib.errors import InvalidError
from chalicelib.marks import moment_of
from chalicelib.states import Engagement
from chalicelib.storage.dynamodb import batch_read, reaching_dynamodb
from chalicelib.storage.outcomes import places_of, read_stored
from chalicelib.storage.rows.ledger import NOTIFICATION_PART, NotificationRow
from chalicelib.storage.values import value_of

_BY_PEOPLE = (Engagement.OPENED, Engagement.CLICKED)


class KnownNotification(NamedTuple):
    """One recipient's notification: `recipient` as given, `user_id` its owner (`addresses.owner_of`)."""

    notification_id: str
    recipient: Mapping[str, Any]
    user_id: str | None = None
    run_id: str | None = None


def read_notifications(ids: Collection[str]) -> list[KnownNotification]:
    """Those of these that exist. Raises: UnavailableError (retryable)."""
    keys = [(one, NOTIFICATION_PART) for one in ids]
    with reaching_dynamodb():
        rows = list(NotificationRow.batch_get(keys, consistent_read=True)) if keys else []
    return [value_of(KnownNotification, row) for row in rows]


def read_recipients(ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
    """Whom notifications are for, as given: empty after an erasure, missing where nothing is known. Raises:
    UnavailableError (retryable)."""
    keys = [(one, NOTIFICATION_PART) for one in ids]
    with reaching_dynamodb():
        found = batch_read({NotificationRow: keys}, attributes=("notification_id", "recipient")) if keys else ()
        return {item["notification_id"]["S"]: json.loads(item["recipient"]["S"]) for _, item in found
                if "recipient" in item}  # fmt: skip


def known_notifications(ids: Collection[str]) -> set[str]:
    """The ids of those that exist. Raises: UnavailableError (retryable)."""
    keys = [(one, NOTIFICATION_PART) for one in ids]
    with reaching_dynamodb():
        found = batch_read({NotificationRow: keys}, attributes=("notification_id",)) if keys else ()
        return {item["notification_id"]["S"] for _, item in found}


def read_openings(keys: Collection[DeliveryKey]) -> dict[DeliveryKey, datetime]:
    """When a person opened each delivery or clicked in it, whichever came later; those that nobody opened are missing.
    Raises: UnavailableError (retryable)."""
    places = places_of(keys)
    stored = read_stored(places.values(), consistent=False)
    found: dict[DeliveryKey, datetime] = {}
    for key, where in places.items():
        outcomes = stored[where.outcomes]
        first = {} if isinstance(outcomes, InvalidError) else outcomes.outcomes.seen(where.place).first
        moments = [parse_rfc3339(moment_of(first[name])) for name in _BY_PEOPLE if name in first]
        if moments:
            found[key] = max(moments)
    return found
