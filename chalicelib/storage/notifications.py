"""Notifications: written once, unchanged except by an erasure, found by id, by owner and by day."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import accumulate
from typing import Any, NamedTuple

from pynamodb.constants import BATCH_GET_PAGE_LIMIT

from chalicelib.clock import parse_rfc3339, rfc3339
from chalicelib.deliveries import DeliveryKey
from chalicelib.service_scope import Sight
from chalicelib.storage.cursor import foreign_cursor, read_place, write_cursor
from chalicelib.storage.deliveries import Delivery, read_deliveries
from chalicelib.storage.dynamodb import reaching_dynamodb
from chalicelib.storage.rows.ledger import (
    NOTIFICATION_PART,
    PLACE_MARK,
    LedgerRow,
    NotificationRow,
    day_shards,
    place_in_day,
)
from chalicelib.storage.values import find

SHARED = (
    *("created_at", "request_id", "template", "template_version", "category", "lane", "send_at", "expires_at"),
    *("campaign_id", "run_id", "service", "expires_at_epoch"),
)
_LOOKED_AT = 25  # of each of a day's shards: a hundred in all


class Notification(NamedTuple):
    """One recipient's notification. `recipient` is `{user_id}` or `{email, …}` as given; `owner` is a user, or the
    owner of an address (`addresses.owner_of`). `owner`, `service`, `expires_at_epoch` and `spot` are known only if it
    was read by id."""

    id: str
    created_at: str
    request_id: str | None
    template: str
    template_version: int | str
    category: str
    lane: str
    channels: Sequence[str]
    recipient: Mapping[str, Any]
    send_at: str | None = None
    expires_at: str | None = None
    campaign_id: str | None = None
    run_id: str | None = None
    service: str | None = None
    owner: str | None = None
    expires_at_epoch: int | None = None
    spot: str | None = None

    @property
    def keys(self) -> list[DeliveryKey]:
        """Its deliveries."""
        return [DeliveryKey(self.id, channel, self.spot) for channel in sorted(self.channels)]

    @property
    def place(self) -> str:
        """Its position in its day."""
        return place_in_day(self.created_at, self.id)


Found = tuple[Notification, list[Delivery]]


def read_notification(notification_id: str) -> Notification | None:
    """None too if a log alone has told of it (`enlisting.enlist_bare`). Raises: UnavailableError (retryable)."""
    row = find(NotificationRow, notification_id, NOTIFICATION_PART)
    return _notification(row) if row and row.template is not None else None


def read_with_deliveries(notification_id: str) -> Found | None:
    """Raises: UnavailableError (retryable)."""
    head = read_notification(notification_id)
    return (head, read_deliveries(head.keys)) if head else None


def read_some(notification_ids: Iterable[str]) -> list[Found]:
    """Those of at most a hundred that are there, with their deliveries. Raises: UnavailableError (retryable)."""
    keys = [(one, NOTIFICATION_PART) for one in dict.fromkeys(notification_ids)]
    with reaching_dynamodb():
        rows = list(NotificationRow.batch_get(keys, consistent_read=True)) if keys else []
    return _with_deliveries([_notification(row) for row in rows if row.template is not None])


def of_owner(owner: str, *, limit: int, cursor: str | None) -> tuple[list[Notification], str | None]:
    """A page, newest first, and the cursor of the next. Raises: InvalidError (permanent: a cursor that is not ours),
    UnavailableError (retryable)."""
    start = read_place(cursor, scope=owner, read=partial(_start_key, owner)) if cursor else None
    with reaching_dynamodb():
        page = LedgerRow.by_user.query(
            owner, scan_index_forward=False, limit=limit, page_size=limit, last_evaluated_key=start
        )
        found = [_notification(row) for row in page if isinstance(row, NotificationRow)]
    last = page.last_evaluated_key
    if not last:
        return found, None
    following = {"at": last["created_at"]["S"], "id": last["notification_id"]["S"]}
    return found, write_cursor(following, scope=owner)


def with_deliveries(heads: Sequence[Notification], sight: Sight) -> list[Found]:
    """Those in sight, with their deliveries. No index says whose a notification is, nor where its outcomes are, so its
    own row is read too. Raises: UnavailableError (retryable)."""
    keys = [(head.id, NOTIFICATION_PART) for head in heads]
    with reaching_dynamodb():
        rows = list(NotificationRow.batch_get(keys, consistent_read=True)) if keys else []
    shown = {row.notification_id: row.spot for row in rows if sight.has(row.service)}
    return _with_deliveries([head._replace(spot=shown[head.id]) for head in heads if head.id in shown])


def _with_deliveries(found: Sequence[Notification]) -> list[Found]:
    deliveries: dict[str, list[Delivery]] = {}
    for delivery in read_deliveries([key for head in found for key in head.keys]):
        deliveries.setdefault(delivery.key.notification_id, []).append(delivery)
    return [(one, deliveries.get(one.id, [])) for one in found]


def in_one_request(heads: Sequence[Notification]) -> list[Notification]:
    """As many of the first ones as `with_deliveries` reads with one request for each kind of row."""
    counted = accumulate(len(head.channels) for head in heads)
    return [head for head, keys in zip(heads, counted, strict=True) if keys <= BATCH_GET_PAGE_LIMIT]


def only_in_sight(notification_ids: Iterable[str], sight: Sight) -> set[str]:
    """Those of these that are in sight. Raises: UnavailableError (retryable)."""
    keys = [(one, NOTIFICATION_PART) for one in set(notification_ids)]
    with reaching_dynamodb():
        rows = list(NotificationRow.batch_get(keys)) if keys else []
    return {row.notification_id for row in rows if sight.has(row.service)}


def requests_of(owner: str) -> dict[str, str | None]:
    """The requests of all of an owner's notifications, by notification id. Raises: UnavailableError (retryable)."""
    with reaching_dynamodb():
        return {row.notification_id: row.request_id for row in LedgerRow.by_user.query(owner)}


def forget_recipient(notification_id: str) -> None:
    """Removes its recipient. Raises: UnavailableError (retryable)."""
    row = NotificationRow(notification_id, NOTIFICATION_PART)
    with reaching_dynamodb():
        row.update(
            actions=[NotificationRow.recipient.set({}), NotificationRow.user_id.remove()],
            condition=LedgerRow.notification_id.exists(),
        )


def newest(since: datetime, until: datetime, place: str | None) -> tuple[list[Notification], str | None]:
    """The next ones down from a place (None: from the end of the span), all of one day (UTC), and the place to continue
    from (None: there are no more). At most four requests, in parallel. Raises: InvalidError (permanent: no such place),
    UnavailableError (retryable)."""
    lower, end = rfc3339(since), rfc3339(until)
    before = end if place is None else min(place, end)
    day = min(_last_day(end), _last_day(end if place is None else place))
    if before <= lower or day < since.astimezone(UTC).date():
        return [], None
    midnight = rfc3339(datetime.combine(day, time(), UTC))
    shards = day_shards(f"{day}")
    with reaching_dynamodb(), ThreadPoolExecutor(len(shards)) as pool:  # they answer in parallel
        pages = list(pool.map(partial(_of_shard, lower=max(lower, midnight), before=before), shards))
    return _merged(pages, nothing_left=None if lower >= midnight else midnight)


def _notification(row: NotificationRow) -> Notification:
    shared: dict[str, Any] = {name: getattr(row, name) for name in SHARED}
    return Notification(
        id=row.notification_id,
        channels=list(row.channels),
        recipient=row.recipient,
        owner=row.user_id,
        spot=row.spot,
        **shared,
    )


def _start_key(owner: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The key to continue from. A cursor comes from outside: only its two free values are used. Raises: ValueError."""
    created_at, notification_id = given["at"], given["id"]
    if not (isinstance(created_at, str) and isinstance(notification_id, str) and created_at and notification_id):
        raise ValueError("no place in a list of notifications")
    return {
        "user_id": {"S": owner},
        "created_at": {"S": created_at},
        "notification_id": {"S": notification_id},
        "part": {"S": NOTIFICATION_PART},
    }


def _merged(
    pages: Sequence[tuple[list[Notification], bool]], *, nothing_left: str | None
) -> tuple[list[Notification], str | None]:
    found: list[Notification] = []
    reached = ""
    for some, more in pages:
        found += some
        if more:  # below its last there may be more in this shard, which come before others' rows
            reached = max(reached, some[-1].place)
    newest_first = sorted((one for one in found if one.place >= reached), key=lambda one: one.place, reverse=True)
    return newest_first, reached or nothing_left


def _of_shard(shard: str, *, lower: str, before: str) -> tuple[list[Notification], bool]:
    """The newest of one shard between two places, and whether there are more."""
    # BETWEEN takes both ends in, and only one condition may be set on a key: what was seen before is dropped here.
    between = NotificationRow.place.between(lower, before)
    page = LedgerRow.by_day.query(shard, between, scan_index_forward=False, limit=_LOOKED_AT, page_size=_LOOKED_AT)
    rows = [row for row in page if isinstance(row, NotificationRow) and row.place != before]
    return [_notification(row) for row in rows], bool(page.last_evaluated_key)


def _last_day(before: str) -> date:
    """The day of the last moment before a place."""
    moment, mark, _ = before.partition(PLACE_MARK)
    try:
        at = parse_rfc3339(moment)
        return (at if mark else at - timedelta(microseconds=1)).astimezone(UTC).date()
    except (ValueError, OverflowError) as error:
        raise foreign_cursor() from error
