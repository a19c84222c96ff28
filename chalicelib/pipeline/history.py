"""Reads what the ledger knows: one notification with its timeline, and a user's history. Called by the API."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from typing import Any

from chalicelib.clock import Clock, parse_rfc3339
from chalicelib.errors import InvalidError, NotFoundError
from chalicelib.pipeline.statuses import DeliveryStatus, notification_status, shown_status
from chalicelib.storage.base import reaching_dynamodb
from chalicelib.storage.cursor import read_cursor, write_cursor
from chalicelib.storage.ledger import (
    NOTIFICATION_PART,
    DeliveryRow,
    LedgerRow,
    NotificationRow,
    day_shards,
    delivery_part,
)

PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
_LOOKED_AT = 25  # of each of a day's shards: a hundred in all
_AFTER_ALL = "~"  # after every moment


class History:
    """The reader of one stage's ledger."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def notification(self, notification_id: str) -> dict[str, Any]:
        """One notification with its deliveries and their timeline (design §8). Raises: NotFoundError (permanent),
        UnavailableError (retryable)."""
        with reaching_dynamodb():
            rows = list(LedgerRow.query(notification_id, consistent_read=True))
        head = next((row for row in rows if isinstance(row, NotificationRow)), None)
        if head is None:
            raise NotFoundError(f"there is no notification {notification_id}")
        return self._describe(head, [row for row in rows if isinstance(row, DeliveryRow)])

    def of_user(
        self, user_id: str, *, limit: int = PAGE_SIZE, cursor: str | None = None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """A page of a user's notifications, newest first, and the cursor of the next. At most three requests, however
        long the history. Raises: InvalidError (permanent: a cursor that is not ours), UnavailableError (retryable)."""
        start = _start_key(read_cursor(cursor, scope=user_id), user_id) if cursor else None
        with reaching_dynamodb():
            page = LedgerRow.by_user.query(
                user_id, scan_index_forward=False, limit=limit, page_size=limit, last_evaluated_key=start
            )
            heads = [row for row in page if isinstance(row, NotificationRow)]
            deliveries = self._deliveries(heads)
        described = [self._describe(head, deliveries.get(head.notification_id, [])) for head in heads]
        last = page.last_evaluated_key
        if not last:
            return described, None
        following = {"at": last["created_at"]["S"], "id": last["notification_id"]["S"]}
        return described, write_cursor(following, scope=user_id)

    def of_day(
        self, day: date, *, template: str | None = None, status: str | None = None, cursor: str | None = None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """What was asked for on a day (UTC), newest first, but for campaigns. A page looks through a hundred at most,
        so one that asks for something rare may be empty and still have a next. At most six requests. Raises:
        InvalidError (permanent: a cursor that is not ours), UnavailableError (retryable)."""
        scope = f"{day}#{template}#{status}"
        before = str(read_cursor(cursor, scope=scope).get("place")) if cursor else _AFTER_ALL
        with reaching_dynamodb():
            heads, reached = _heads_of_day(f"{day}", before)
            wanted = [head for head in heads if template in (None, head.template)]
            if status is None:  # else only their deliveries tell who fits; one more than a page says there are more
                wanted = wanted[: PAGE_SIZE + 1]
            deliveries = self._deliveries(wanted)
        described = [(head, self._describe(head, deliveries.get(head.notification_id, []))) for head in wanted]
        fitting = [(head, one) for head, one in described if status in (None, one["status"])]
        shown = fitting[:PAGE_SIZE]
        if len(fitting) > PAGE_SIZE:
            reached = str(shown[-1][0].place)
        following = write_cursor({"place": reached}, scope=scope) if reached else None
        return [one for _, one in shown], following

    def _deliveries(self, heads: Sequence[NotificationRow]) -> Mapping[str, list[DeliveryRow]]:
        keys = [(head.notification_id, delivery_part(channel)) for head in heads for channel in head.channels]
        found: dict[str, list[DeliveryRow]] = {}
        for row in DeliveryRow.batch_get(keys) if keys else ():
            found.setdefault(row.notification_id, []).append(row)
        return found

    def _describe(self, head: NotificationRow, deliveries: Sequence[DeliveryRow]) -> dict[str, Any]:
        waiting = head.send_at is not None and parse_rfc3339(head.send_at) > self._clock()
        statuses = [DeliveryStatus(row.status) for row in deliveries]
        return {
            "id": head.notification_id,
            "request_id": head.request_id,
            "status": notification_status(statuses, channels=len(head.channels), scheduled=waiting),
            "recipient": head.recipient,
            "template": head.template,
            "template_version": int(head.template_version),
            "category": head.category,
            "lane": head.lane,
            "channels": list(head.channels),
            "created_at": head.created_at,
            "send_at": head.send_at,
            "expires_at": head.expires_at,
            "campaign_id": head.campaign_id,
            "deliveries": [_describe_delivery(row) for row in deliveries],
        }


def _heads_of_day(day: str, before: str) -> tuple[list[NotificationRow], str | None]:
    """The next ones down to a place, and that place (None: there are no more)."""
    found: list[NotificationRow] = []
    reached = ""
    shards = list(day_shards(day))
    with ThreadPoolExecutor(len(shards)) as pool:  # they answer side by side
        pages = list(pool.map(partial(_heads_of_shard, before=before), shards))
    for rows, more in pages:
        found += rows
        if more:  # below its last there may be more in this shard, which come before others' rows
            reached = max(reached, str(rows[-1].place))
    newest = sorted((row for row in found if str(row.place) >= reached), key=lambda row: str(row.place), reverse=True)
    return newest, reached or None


def _heads_of_shard(shard: str, *, before: str) -> tuple[list[NotificationRow], bool]:
    """The newest of one shard down from a place, and whether there are more."""
    page = LedgerRow.by_day.query(
        shard, NotificationRow.place < before, scan_index_forward=False, limit=_LOOKED_AT, page_size=_LOOKED_AT
    )
    rows = [row for row in page if isinstance(row, NotificationRow)]
    return rows, bool(page.last_evaluated_key)


def _start_key(given: Mapping[str, Any], user_id: str) -> dict[str, Any]:
    """The key to go on from. A cursor comes from outside: only its two free values are taken. Raises: InvalidError
    (permanent)."""
    created_at, notification_id = given.get("at"), given.get("id")
    if not (isinstance(created_at, str) and isinstance(notification_id, str) and created_at and notification_id):
        raise InvalidError.of("cursor", "expected the cursor of an earlier answer of this list")
    return {
        "user_id": {"S": user_id},
        "created_at": {"S": created_at},
        "notification_id": {"S": notification_id},
        "part": {"S": NOTIFICATION_PART},
    }


def _describe_delivery(row: DeliveryRow) -> dict[str, Any]:
    return {
        "channel": row.part.partition("#")[2],
        "status": shown_status(DeliveryStatus(row.status)),
        "reason": row.reason,
        "attempt": int(row.attempt),
        "provider_id": row.provider_id,
        "timeline": [json.loads(event) for event in row.timeline],
    }
