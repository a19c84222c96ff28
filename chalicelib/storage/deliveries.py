"""Deliveries as they are read: of notifications that are known, and those that wait for a person."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from chalicelib.deliveries import OWN, OWN_CHUNK, DeliveryKey, DeliveryStatus, S, Spot
from chalicelib.errors import InvalidError
from chalicelib.isolation import each
from chalicelib.observability import log_failure
from chalicelib.outcomes import Outcomes
from chalicelib.storage.chunk_letters import read_rosters, read_stored_and_ids
from chalicelib.storage.cursor import read_place, table_key, whole, write_cursor
from chalicelib.storage.dynamodb import dynamodb, reaching_dynamodb
from chalicelib.storage.last_release import DELIVERY_PREFIX
from chalicelib.storage.outcomes import OutcomesKey, places_of
from chalicelib.storage.rows.ledger import ATTENTION, LedgerRow

_LOOKED_AT = 25
_INDEX_KEY = ("attention", "attention_at", "notification_id", "part")


class Delivery(NamedTuple):
    """One delivery. Moments are RFC 3339; `timeline` is oldest first."""

    key: DeliveryKey
    status: DeliveryStatus
    reason: str | None
    attempt: int
    owner: str | None
    lease_until: str | None
    created_at: str
    resent: bool  # once, although the provider may have it
    provider_id: str | None
    attention_at: str | None
    timeline: Sequence[Mapping[str, Any]]


def delivery_at(key: DeliveryKey, place: int, outcomes: Outcomes, provider_id: str | None) -> Delivery | None:
    """The delivery at a place, if there is one."""
    now = outcomes.standing(place)
    if now.status is None:
        return None
    return Delivery(
        key=key,
        status=now.status,
        reason=now.reason,
        attempt=next((step.attempt for step in reversed(now.steps) if step.attempt), 0),
        owner=now.owner,
        lease_until=now.lease_until,
        created_at=now.steps[0].at,
        resent=now.resent,
        provider_id=next((step.provider_id for step in reversed(now.steps) if step.provider_id), provider_id),
        attention_at=now.steps[-1].at if now.status is S.UNCERTAIN else None,
        timeline=outcomes.timeline(place),
    )


def log_unreadable(key: DeliveryKey, error: Exception) -> None:
    """The delivery is missing; it hides no other."""
    log_failure("delivery", error, delivery=key.id)


def read_deliveries(
    keys: Collection[DeliveryKey], *, unreadable: Callable[[DeliveryKey, Exception], object] = log_unreadable
) -> list[Delivery]:
    """Those that exist, in order. Raises: UnavailableError (retryable)."""
    places = places_of(keys)
    stored, ids = read_stored_and_ids(places.values())

    def read(key: DeliveryKey) -> Delivery | None:
        where = places[key]
        found = stored[where.outcomes]
        if isinstance(found, InvalidError):
            raise found
        known = ids.get(where.outcomes, {}).get(where.place) or found.told_ids.get(where.place)
        return delivery_at(key, where.place, found.outcomes, known)

    found = each(read, places, alone=unreadable)
    return [one for one in found if one is not None]


def uncertain(*, limit: int, cursor: str | None) -> tuple[list[Delivery], str | None]:
    """A page of those that wait for a person, oldest first, and the cursor of the next. Raises: InvalidError
    (permanent), UnavailableError (retryable)."""
    after, first = read_place(cursor, scope=ATTENTION, read=_place) if cursor else (None, 0)
    found: list[Delivery] = []
    for item in _waiting(after):
        for place, delivery in _uncertain_in(item):
            if len(found) == limit:
                return found, write_cursor({"after": after, "place": place}, scope=ATTENTION)
            if place >= first:
                found.append(delivery)
        after, first = {name: item[name] for name in _INDEX_KEY}, 0
    return found, None


def _place(given: dict[str, Any]) -> tuple[dict[str, Any] | None, int]:
    after = given["after"]
    if after is not None and after.keys() != set(_INDEX_KEY):
        raise ValueError("no place in this list")
    return (None if after is None else table_key(after)), whole(given["place"])


def _waiting(after: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    while True:
        more = {"ExclusiveStartKey": after} if after else {}
        with reaching_dynamodb():
            answer = dynamodb().dispatch(
                "Query",
                {
                    "TableName": LedgerRow._get_connection().table_name,
                    "IndexName": LedgerRow.by_attention.Meta.index_name,
                    "KeyConditionExpression": "attention = :attention",
                    "ExpressionAttributeValues": {":attention": {"S": ATTENTION}},
                    "Limit": _LOOKED_AT,
                    **more,
                },
            )
        yield from answer["Items"]
        after = answer.get("LastEvaluatedKey")
        if not after:
            return


def _uncertain_in(item: Mapping[str, Any]) -> list[tuple[int, Delivery]]:
    """The uncertain deliveries of a row, by place. The index follows the table after a moment, and what was heard since
    takes nothing out of it: the row itself says who still waits."""
    home, part = item["notification_id"]["S"], item["part"]["S"]
    if part.startswith(DELIVERY_PREFIX):
        keys = {0: DeliveryKey(home, part.removeprefix(DELIVERY_PREFIX))}
    else:
        keys = _keys_of(OutcomesKey.of(home, part))
    found = read_deliveries(list(keys.values()))
    places = {key: place for place, key in keys.items()}
    return [(places[one.key], one) for one in found if one.status is S.UNCERTAIN]


def _keys_of(key: OutcomesKey) -> dict[int, DeliveryKey]:
    """The deliveries of a chunk, by place."""
    chunk = key.home, key.chunk
    letters = [key.home] if key.chunk == OWN_CHUNK else read_rosters([chunk]).get(chunk, [])
    return {
        place: DeliveryKey(one, key.channel, OWN if key.chunk == OWN_CHUNK else Spot(*chunk, place).text)
        for place, one in enumerate(letters)
        if one
    }
