"""Reads what the ledger knows: one notification with its timeline, a user's history, and what was asked for in a span
of time."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any

from pynamodb.constants import BATCH_GET_PAGE_LIMIT

from chalicelib.clock import Clock, parse_rfc3339
from chalicelib.deliveries import DeliveryStatus, notification_status, shown_status
from chalicelib.errors import InvalidError, NotFoundError, Phrase
from chalicelib.service_scope import EVERYTHING, Sight
from chalicelib.services.search import Span, newest
from chalicelib.storage.cursor import read_place, write_cursor
from chalicelib.storage.dynamodb import reaching_dynamodb
from chalicelib.storage.rows.ledger import (
    NOTIFICATION_PART,
    DeliveryRow,
    LedgerRow,
    NotificationRow,
    delivery_part,
)

PAGE_SIZE = 20
MAX_PAGE_SIZE = 100


class History:
    """The reader of one stage's ledger."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def notification(self, notification_id: str, *, sight: Sight = EVERYTHING) -> dict[str, Any]:
        """One notification with its deliveries and their timeline. Raises: NotFoundError (permanent: there
        is none in `sight`), UnavailableError (retryable)."""
        with reaching_dynamodb():
            rows = list(LedgerRow.query(notification_id, consistent_read=True))
        head = next((row for row in rows if isinstance(row, NotificationRow)), None)
        if head is None or not sight.has(head.service):
            raise NotFoundError(Phrase("there is no notification {id}", id=notification_id))
        return self._describe(head, [row for row in rows if isinstance(row, DeliveryRow)])

    def of_user(
        self, user_id: str, *, limit: int = PAGE_SIZE, cursor: str | None = None, sight: Sight = EVERYTHING
    ) -> tuple[list[dict[str, Any]], str | None]:
        """A page of a user's notifications, newest first, and the cursor of the next; of so many those in `sight`. At
        most three requests, however long the history. Raises: InvalidError (permanent: a cursor that is not ours),
        UnavailableError (retryable)."""
        start = _start_key(read_place(cursor, scope=user_id, read=dict), user_id) if cursor else None
        with reaching_dynamodb():
            page = LedgerRow.by_user.query(
                user_id, scan_index_forward=False, limit=limit, page_size=limit, last_evaluated_key=start
            )
            found = self._in_sight([row for row in page if isinstance(row, NotificationRow)], sight)
        described = [self._describe(head, deliveries) for head, deliveries in found]
        last = page.last_evaluated_key
        if not last:
            return described, None
        following = {"at": last["created_at"]["S"], "id": last["notification_id"]["S"]}
        return described, write_cursor(following, scope=user_id)

    def search(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        template: str | None = None,
        status: str | None = None,
        cursor: str | None = None,
        sight: Sight = EVERYTHING,
    ) -> tuple[list[dict[str, Any]], str | None]:
        """What was asked for from a moment to before another, newest first, but for campaigns; see `Span.of`. A page
        looks through a hundred of one day (UTC) at most, so one of a quiet day, or one that asks for something rare,
        such as what is in `sight`, may be empty and still have a next. At most five requests. Raises: InvalidError
        (permanent: a wrong span, a cursor that is not ours), UnavailableError (retryable)."""
        span = Span.of(since, until, now=self._clock())
        scope = f"{since}#{until}#{template}#{status}"
        place = read_place(cursor, scope=scope, read=lambda key: str(key["place"])) if cursor else None
        with reaching_dynamodb():
            heads, reached = newest(span, place)
            wanted = [head for head in heads if template in (None, head.template)]
            if (
                status is None and sight.everything
            ):  # else only their deliveries tell who fits; one more than a page says there are more
                wanted = wanted[: PAGE_SIZE + 1]
            looked_at = _in_one_request(wanted, beside=0 if sight.everything else 1)
            found = self._in_sight(looked_at, sight)
        if len(looked_at) < len(wanted):
            reached = str(looked_at[-1].place)
        described = [(head, self._describe(head, deliveries)) for head, deliveries in found]
        fitting = [(head, one) for head, one in described if status in (None, one["status"])]
        shown = fitting[:PAGE_SIZE]
        if len(fitting) > PAGE_SIZE:
            reached = str(shown[-1][0].place)
        following = write_cursor({"place": reached}, scope=scope) if reached else None
        return [one for _, one in shown], following

    def only_of(self, notification_ids: Iterable[str], sight: Sight) -> set[str]:
        """Those of these notifications that are in sight. Raises: UnavailableError (retryable)."""
        keys = [(one, NOTIFICATION_PART) for one in set(notification_ids)]
        with reaching_dynamodb():
            rows = list(NotificationRow.batch_get(keys)) if keys else []
        return {row.notification_id for row in rows if sight.has(row.service)}

    def _in_sight(
        self, heads: Sequence[NotificationRow], sight: Sight
    ) -> list[tuple[NotificationRow, list[DeliveryRow]]]:
        """Those in sight, with their deliveries. No index says whose a notification is: its own row is read too."""
        keys = [(head.notification_id, delivery_part(channel)) for head in heads for channel in head.channels]
        if not sight.everything:
            keys += [(head.notification_id, NOTIFICATION_PART) for head in heads]
        shown = {head.notification_id for head in heads} if sight.everything else set()
        deliveries: dict[str, list[DeliveryRow]] = {}
        for row in LedgerRow.batch_get(keys, consistent_read=True) if keys else ():
            if isinstance(row, DeliveryRow):
                deliveries.setdefault(row.notification_id, []).append(row)
            elif isinstance(row, NotificationRow) and sight.has(row.service):
                shown.add(row.notification_id)
        return [(one, deliveries.get(one.notification_id, [])) for one in heads if one.notification_id in shown]

    def _describe(self, head: NotificationRow, deliveries: Sequence[DeliveryRow]) -> dict[str, Any]:
        waiting = head.send_at is not None and parse_rfc3339(head.send_at) > self._clock()
        statuses = [DeliveryStatus(row.status) for row in deliveries]
        return {
            "id": head.notification_id,
            "request_id": head.request_id,
            "status": notification_status(statuses, channels=len(head.channels), scheduled=waiting),
            "recipient": head.recipient,
            "template": head.template,
            "template_version": head.template_version,
            "category": head.category,
            "lane": head.lane,
            "channels": list(head.channels),
            "created_at": head.created_at,
            "send_at": head.send_at,
            "expires_at": head.expires_at,
            "campaign_id": head.campaign_id,
            "deliveries": [_describe_delivery(row) for row in deliveries],
        }


def _in_one_request(heads: Sequence[NotificationRow], *, beside: int) -> list[NotificationRow]:
    """As many of the first ones as have deliveries that one request reads, with so many rows beside those of each."""
    counted = accumulate(len(head.channels) + beside for head in heads)
    return [head for head, keys in zip(heads, counted, strict=True) if keys <= BATCH_GET_PAGE_LIMIT]


def _start_key(given: Mapping[str, Any], user_id: str) -> dict[str, Any]:
    """The key to go on from. A cursor comes from outside: only its two free values are taken. Raises: InvalidError
    (permanent)."""
    created_at, notification_id = given.get("at"), given.get("id")
    if not (isinstance(created_at, str) and isinstance(notification_id, str) and created_at and notification_id):
        raise InvalidError.of("cursor", Phrase("expected the cursor of an earlier answer of this list"))
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
