"""Whom a run wrote to, by the ledger: for resends, and for audiences of other campaigns."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib.clock import parse_rfc3339, rfc3339
from chalicelib.deliveries import DeliveryKey, DeliveryStatus
from chalicelib.errors import InvalidError
from chalicelib.marks import moment_of
from chalicelib.outcomes import Outcomes
from chalicelib.states import Engagement
from chalicelib.storage.dynamodb import batch_read, reaching_dynamodb
from chalicelib.storage.outcomes import places_of, read_stored
from chalicelib.storage.rows.ledger import NOTIFICATION_PART, LedgerRow, NotificationRow
from chalicelib.storage.values import value_of

_BY_PEOPLE = (Engagement.OPENED, Engagement.CLICKED)
_CAME = (DeliveryStatus.SENT, DeliveryStatus.DELIVERED, DeliveryStatus.COMPLAINED)


class KnownNotification(NamedTuple):
    """One recipient's notification: `recipient` as given, `user_id` its owner (`addresses.owner_of`)."""

    notification_id: str
    recipient: Mapping[str, Any]
    user_id: str | None = None
    run_id: str | None = None


class OwnedLetter(NamedTuple):
    """One of somebody's notifications, by its deliveries."""

    category: str
    keys: Sequence[DeliveryKey]


def read_notifications(ids: Collection[str]) -> list[KnownNotification]:
    """Those of these that exist. Raises: UnavailableError (retryable)."""
    keys = [(one, NOTIFICATION_PART) for one in ids]
    with reaching_dynamodb():
        rows = list(NotificationRow.batch_get(keys, consistent_read=True)) if keys else []
    return [value_of(KnownNotification, row) for row in rows]


def read_recipients(ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
    """Whom notifications are for, as of a second ago: empty after an erasure, missing where nothing is known. Raises:
    UnavailableError (retryable)."""
    keys, names = [(one, NOTIFICATION_PART) for one in ids], ("notification_id", "recipient")
    with reaching_dynamodb():
        found = batch_read({NotificationRow: keys}, attributes=names, consistent=False) if keys else ()
        return {item["notification_id"]["S"]: json.loads(item["recipient"]["S"]) for _, item in found
                if "recipient" in item}  # fmt: skip


def known_notifications(ids: Collection[str]) -> set[str]:
    """The ids of those that exist. Raises: UnavailableError (retryable)."""
    keys = [(one, NOTIFICATION_PART) for one in ids]
    with reaching_dynamodb():
        found = batch_read({NotificationRow: keys}, attributes=("notification_id",)) if keys else ()
        return {item["notification_id"]["S"] for _, item in found}


class LetterUse(NamedTuple):
    """What became of one delivery: when it came (None: it did not, or came back), when a person opened it and clicked
    in it last."""

    got: datetime | None = None
    opened: datetime | None = None
    clicked: datetime | None = None


def read_uses(keys: Collection[DeliveryKey]) -> dict[DeliveryKey, LetterUse]:
    """Of those of these deliveries of which something is known, as of a second ago. Raises: UnavailableError
    (retryable)."""
    places = places_of(keys)
    stored = read_stored(places.values(), consistent=False)
    found: dict[DeliveryKey, LetterUse] = {}
    for key, where in places.items():
        outcomes = stored[where.outcomes]
        if not isinstance(outcomes, InvalidError):
            found[key] = _use_of(outcomes.outcomes, where.place)
    return found


def _use_of(outcomes: Outcomes, place: int) -> LetterUse:
    standing, first = outcomes.standing(place), outcomes.seen(place).first
    sent = standing.steps[-1].at if standing.status in _CAME and standing.steps else None
    moments = {one: parse_rfc3339(moment_of(first[one])) for one in _BY_PEOPLE if one in first}
    clicked = moments.get(Engagement.CLICKED)
    opened = max(moments.values(), default=None)
    return LetterUse(parse_rfc3339(sent) if sent else None, opened, clicked)


def newest_letters(owner: str, *, since: datetime, limit: int) -> list[OwnedLetter]:
    """The newest notifications of an owner (`addresses.owner_of`) since a moment, newest first. Raises:
    UnavailableError (retryable)."""
    with reaching_dynamodb():
        rows = LedgerRow.by_user.query(
            owner,
            LedgerRow.created_at >= rfc3339(since),
            scan_index_forward=False,
            limit=limit,
            page_size=limit,
            attributes_to_get=["kind", "notification_id", "category", "channels"],
        )
        return [
            OwnedLetter(row.category, [DeliveryKey(row.notification_id, one) for one in row.channels])
            for row in rows
            if isinstance(row, NotificationRow)
        ]
