"""Deliveries as tests read, spoil and disturb them: the only place in the tests that knows how the ledger stores one,
and how it is told what happened to a letter."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from chalicelib.clock import new_id, now, parse_rfc3339
from chalicelib.deliveries import OWN_CHUNK, DeliveryKey, DeliveryStatus, Spot
from chalicelib.marks import engaged, told
from chalicelib.outcomes import MAX_ENTRIES as MAX_ENTRIES
from chalicelib.states import Engagement
from chalicelib.storage.chunk_letters import RUN_HOMES, homes_of, read_rosters, roster_items, spots_in_run
from chalicelib.storage.deliveries import Delivery, read_deliveries
from chalicelib.storage.dynamodb import StageTable, batch_put, dynamodb, reaching_dynamodb
from chalicelib.storage.ledger import Ledger
from chalicelib.storage.outcomes import OUTCOMES_PREFIX, OutcomesKey, places_of, raw_key, read_items
from chalicelib.storage.rows.ledger import LedgerRow

_READER = Ledger(clock=now, retention_days=90)
_WRITES = ("before-send.dynamodb.PutItem", "before-send.dynamodb.UpdateItem")
_TOLD = ("steps", "v", "m", "d", "o", "expires_at_epoch")


# ---------------------------------------------------------------- read


def delivery(key: DeliveryKey | str, channel: str = "email") -> Delivery | None:
    """What is stored now. `channel` is that of a notification's id."""
    return _READER.read(_key(key, channel))


def stored(key: DeliveryKey | str, channel: str = "email") -> Delivery:
    """The same of one that must be there."""
    found = delivery(key, channel)
    assert found is not None, f"there is no delivery {key}"
    return found


def state(key: DeliveryKey | str, channel: str = "email") -> tuple[DeliveryStatus, str | None] | None:
    """Its status and reason; None if there is none."""
    found = delivery(key, channel)
    return (found.status, found.reason) if found else None


def is_engaged(key: DeliveryKey | str, channel: str = "email") -> bool:
    """Whether a person has opened it, or clicked in it."""
    one = _key(key, channel)
    return _READER.states([one])[one].engaged


def kept_until(key: DeliveryKey | str, channel: str = "email") -> datetime:
    """When DynamoDB may forget it."""
    return datetime.fromtimestamp(float(raw_delivery(key, channel).item["expires_at_epoch"]["N"]), UTC)


def statuses(notification_ids: Iterable[str], channel: str = "email") -> dict[str, str]:
    """Of those that exist, by notification."""
    found = _READER.states([DeliveryKey(one, channel) for one in notification_ids])
    return {key.notification_id: one.status for key, one in found.items()}


def every_delivery() -> list[Delivery]:
    return _in_homes(None)


def deliveries_of_run(run_id: str) -> list[Delivery]:
    return _in_homes(homes_of(run_id, RUN_HOMES))


def letters_of(run_id: str, n: int = 1, *, ids: Sequence[str] = ()) -> list[DeliveryKey]:
    """New letters of a run, as `enrich` enlists them."""
    spots = spots_in_run(run_id, ids or [new_id() for _ in range(n)])
    with reaching_dynamodb():
        batch_put(LedgerRow, list(roster_items(spots, expires=2**31)))
    return [DeliveryKey(one, "email", spot.text) for one, spot in spots.items()]


def is_ledger_empty() -> bool:
    """Whether nothing is stored, be it only a part of a delivery."""
    return not _items()


# ---------------------------------------------------------------- spoil


def forget_all_deliveries() -> None:
    """Leaves the ledger as it was before the first claim."""
    for item in _items():
        LedgerRow._get_connection().delete_item(item["notification_id"]["S"], item["part"]["S"])


def forget_outcomes() -> None:
    """Leaves what was asked for, as if nothing had become of it."""
    for item in _items():
        if not item["part"]["S"].isalpha():
            LedgerRow._get_connection().delete_item(item["notification_id"]["S"], item["part"]["S"])


class Raw(NamedTuple):
    """An item as DynamoDB holds it, its table, and which of its attributes say what became of the letter."""

    model: type[StageTable]
    item: dict[str, Any]
    names: tuple[str, ...]


def raw_delivery(key: DeliveryKey | str, channel: str = "email") -> Raw:
    """What is stored; only the keys if nothing is."""
    one = _key(key, channel)
    place = places_of([one])[one].outcomes
    return Raw(LedgerRow, dict(read_items([place]).get(place) or raw_key(place)), _TOLD)


@contextmanager
def writes_meet(fault: Callable[..., Any]) -> Iterator[None]:
    """Whatever writes a delivery meets this first (`tests/integration/faults.py`)."""

    def meet(request: Any, **more: Any) -> Any:
        return fault(request=request, **more) if OUTCOMES_PREFIX.encode() in request.body else None

    events = dynamodb().client.meta.events
    for operation in _WRITES:
        events.register_first(operation, meet)
    try:
        yield
    finally:
        for operation in _WRITES:
            events.unregister(operation, meet)


# ---------------------------------------------------------------- tell


def event_tags(key: DeliveryKey) -> dict[str, list[str]]:
    """The tags of a letter's events that say which delivery it is."""
    return {"delivery": [key.id], **({"spot": [key.spot]} if key.spot else {})}


def heard(
    ledger: Ledger,
    key: DeliveryKey,
    status: DeliveryStatus,
    reason: str | None = None,
    *,
    told_at: str | None = None,
    provider_id: str | None = None,
) -> bool:
    """Tells the ledger a provider's event; returns whether the delivery was moved by it. `told_at`: when it was
    delivered."""
    before = state(key)
    at = parse_rfc3339(told_at) if told_at else None
    untimed = status is not DeliveryStatus.DELIVERED
    event = told(key, status, reason, ledger.clock() if untimed else at, now=ledger.clock())
    ledger.hear([event._replace(provider_id=provider_id)])
    return state(key) != before


def engage(ledger: Ledger, key: DeliveryKey, what: Engagement, *, at: datetime | None = None) -> bool:
    """Tells that a letter was opened, clicked and so on; returns whether it was the first time."""
    return ledger.hear([engaged(key, what, at or ledger.clock())])[0]


def told_delivered(ledger: Ledger, key: DeliveryKey, at: str) -> None:
    """Tells when a letter was delivered, whatever has become of it since."""
    heard(ledger, key, DeliveryStatus.DELIVERED, told_at=at)


def _in_homes(homes: list[str] | None) -> list[Delivery]:
    parts = [(item["notification_id"]["S"], item["part"]["S"]) for item in _items()]
    places = [OutcomesKey.of(*one) for one in parts if one[1].startswith(OUTCOMES_PREFIX)]
    return read_deliveries([key for one in places if homes is None or one.home in homes for key in _keys_of(one)])


def _keys_of(place: OutcomesKey) -> list[DeliveryKey]:
    if place.chunk == OWN_CHUNK:
        return [DeliveryKey(place.home, place.channel)]
    chunk = (place.home, place.chunk)
    letters = read_rosters([chunk])[chunk]
    return [DeliveryKey(one, place.channel, Spot(*chunk, n).text) for n, one in enumerate(letters)]


def _items() -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = LedgerRow._get_connection().scan(consistent_read=True)["Items"]
    return items


def _key(key: DeliveryKey | str, channel: str) -> DeliveryKey:
    return key if isinstance(key, DeliveryKey) else DeliveryKey(key, channel)
