"""Writes notifications: those of a request over whatever is there, as they are always the same; those of a run only
where there is none yet, which is what keeps anybody from getting a letter twice (ADR 0097)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chalicelib.clock import rfc3339
from chalicelib.deliveries import OWN, OWN_CHUNK, Spot
from chalicelib.storage.chunk_letters import roster_items, spots_in_run
from chalicelib.storage.dynamodb import batch_put, reaching_dynamodb
from chalicelib.storage.inserts import insert_each
from chalicelib.storage.ledger_rows import read_rows
from chalicelib.storage.notifications import SHARED, Notification
from chalicelib.storage.rows.ledger import NOTIFICATION_PART, NotificationRow, day_shard, place_in_day

# Whom a notification is for: its id, who that is as given, and as whose it is found (`addresses.owner_of`).
Recipient = tuple[str, Mapping[str, Any], str | None]


def record_notifications(
    alike: Notification, recipients: Sequence[Recipient], spots: Mapping[str, Spot] | None = None
) -> None:
    """Writes one for each recipient, over whatever is there; 25 per request. `alike` lacks what is theirs; `spots` are
    those of new letters, by default each a chunk of its own. Raises: UnavailableError (retryable)."""
    if spots is None:
        spots = {one: Spot(one, OWN_CHUNK, 0) for one, *_ in recipients}
    together = {one: spot for one, spot in spots.items() if spot.chunk != OWN_CHUNK}
    rosters = _rosters(alike, together) if together else []
    with reaching_dynamodb():
        batch_put(NotificationRow, [*rosters, *_items(alike, recipients, spots)])


def enlist_notifications(
    alike: Notification, recipients: Sequence[Recipient], *, homes: int = 1, variant: str | None = None
) -> dict[str, str | None]:
    """Writes those of a run that are not there yet, and returns where the outcomes of each are, for ever (None: the
    last release wrote it): whoever comes again comes to the same place. Raises: UnavailableError (retryable)."""
    spots = spots_in_run(alike.run_id or "", [one for one, *_ in recipients], homes=homes, variant=variant)
    with reaching_dynamodb():
        # First of all: of a letter that has an outcome it must be known which it is.
        batch_put(NotificationRow, _rosters(alike, spots))
    items = _items(alike, recipients, spots)
    new = insert_each(NotificationRow, items)
    known = [one for one, is_new in zip(recipients, new, strict=True) if not is_new]
    found: dict[str, str | None] = {one: spot.text for one, spot in spots.items()}
    return found | (_enlisted(alike, known) if known else {})


def enlist_bare(
    spots: Mapping[str, Spot], *, run_id: str | None, request_id: str | None, at: datetime, expires: int
) -> dict[str, str | None]:
    """Writes what a log knows of letters, where there is nothing: which they are, and where their outcomes are. Returns
    the spots that hold, as `enlist_notifications` does. Raises: UnavailableError (retryable)."""
    row = NotificationRow(
        "",
        NOTIFICATION_PART,
        created_at=rfc3339(at),
        run_id=run_id,
        request_id=request_id,
        expires_at_epoch=expires,
    )
    shared = row.serialize(null_check=False)
    insert_each(NotificationRow, list(roster_items(spots, expires=expires)))
    found: dict[str, str | None] = {one: spot.text for one, spot in spots.items()}
    new = insert_each(
        NotificationRow, [{**shared, "notification_id": {"S": one}, "spot": {"S": spot}} for one, spot in found.items()]
    )
    known = [one for one, is_new in zip(found, new, strict=True) if not is_new]
    return found | {one: item.get("spot", {}).get("S") for one, item in _read(known).items()}


def _enlisted(alike: Notification, recipients: Sequence[Recipient]) -> dict[str, str | None]:
    items = _read([one for one, *_ in recipients])
    found = {one: item.get("spot", {}).get("S") for one, item in items.items()}
    # After a restore only what the log has told is there.
    bare = [one for one in recipients if one[0] in items and "template" not in items[one[0]]]
    if bare:
        spots = {one: Spot.of(found[one] or OWN, one) for one, *_ in bare}
        with reaching_dynamodb():
            batch_put(NotificationRow, _items(alike, bare, spots))
    return found


def _read(notification_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    keys = [(one, NOTIFICATION_PART) for one in notification_ids]
    return {one: item for (one, _), item in read_rows(keys, attributes=["spot", "template"]).items()}


def _items(alike: Notification, recipients: Sequence[Recipient], spots: Mapping[str, Spot]) -> list[dict[str, Any]]:
    # PynamoDB serialises what they share once, not for every recipient.
    fields: dict[str, Any] = {name: getattr(alike, name) for name in SHARED}
    row = NotificationRow("", NOTIFICATION_PART, channels=list(alike.channels), recipient={}, **fields)
    shared = row.serialize()
    return [{**shared, **_own(alike, *one, spots.get(one[0]))} for one in recipients]


def _own(
    alike: Notification, notification_id: str, recipient: Mapping[str, Any], owner: str | None, spot: Spot | None
) -> dict[str, Any]:
    own = {"notification_id": notification_id, "recipient": NotificationRow.recipient.serialize(dict(recipient))}
    if spot is not None:
        own["spot"] = spot.text
    if owner is not None:
        own["user_id"] = owner
    if alike.campaign_id is None:
        own["day"] = day_shard(alike.created_at, notification_id)
        own["place"] = place_in_day(alike.created_at, notification_id)
    return {name: {"S": value} for name, value in own.items() if value is not None}


def _rosters(alike: Notification, spots: Mapping[str, Spot]) -> list[dict[str, Any]]:
    return list(roster_items(spots, expires=alike.expires_at_epoch or 0))
