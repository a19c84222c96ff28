"""Deliveries as tests read, spoil and disturb them: the only place in the tests that knows how the ledger stores one,
and how it is told what happened to a letter."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from chalicelib.clock import now
from chalicelib.deliveries import DeliveryKey, DeliveryStatus, Move
from chalicelib.states import Engagement
from chalicelib.storage.dynamodb import StageTable, dynamodb
from chalicelib.storage.ledger import Delivery, Ledger, delivery_of
from chalicelib.storage.ledger_writes import MAX_ENTRIES as MAX_ENTRIES
from chalicelib.storage.rows.ledger import DELIVERY_PREFIX, DeliveryRow, LedgerRow

_READER = Ledger(clock=now, retention_days=90)
_WRITES = "before-send.dynamodb.TransactWriteItems"
_TOLD = ("status", "timeline", "run_id", "kind", "owner", "lease_until", "resends", "opened_at", "delivered_at")


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
    return datetime.fromtimestamp(float(DeliveryRow.get(*_place(_key(key, channel))).expires_at_epoch or 0), UTC)


def statuses(notification_ids: Iterable[str], channel: str = "email") -> dict[str, str]:
    """Of those that exist, by notification."""
    found = _READER.states([DeliveryKey(one, channel) for one in notification_ids])
    return {key.notification_id: one.status for key, one in found.items()}


def every_delivery() -> list[Delivery]:
    return [delivery_of(row) for row in _rows()]


def deliveries_of_run(run_id: str) -> list[Delivery]:
    return [delivery_of(row) for row in _rows() if row.run_id == run_id]


def is_ledger_empty() -> bool:
    """Whether nothing is stored, be it only a part of a delivery."""
    return not LedgerRow._get_connection().scan()["Items"]


# ---------------------------------------------------------------- spoil, disturb


def forget_all_deliveries() -> None:
    """Leaves the ledger as it was before the first claim."""
    for row in LedgerRow.scan():
        row.delete()


class Raw(NamedTuple):
    """An item as DynamoDB holds it, its table, and which of its attributes say what became of the letter."""

    model: type[StageTable]
    item: dict[str, Any]
    names: tuple[str, ...]


def raw_delivery(key: DeliveryKey | str, channel: str = "email") -> Raw:
    """What is stored; only the keys, and what marks it as a delivery, if nothing is."""
    notification_id, part = _place(_key(key, channel))
    found = DeliveryRow._get_connection().get_item(notification_id, part, consistent_read=True).get("Item")
    item = found or {"notification_id": {"S": notification_id}, "part": {"S": part}, "kind": {"S": "delivery"}}
    return Raw(LedgerRow, item, _TOLD)


@contextmanager
def writes_meet(fault: Callable[..., Any]) -> Iterator[None]:
    """Whatever writes a delivery meets this first (`tests/integration/faults.py`)."""
    events = dynamodb().client.meta.events
    events.register_first(_WRITES, fault)
    try:
        yield
    finally:
        events.unregister(_WRITES, fault)


# ---------------------------------------------------------------- tell


def heard(
    ledger: Ledger,
    key: DeliveryKey,
    status: DeliveryStatus,
    reason: str | None = None,
    *,
    told_at: str | None = None,
    run_id: str | None = None,
    provider_id: str | None = None,
) -> bool:
    """Tells the ledger a provider's event; returns whether the delivery was moved by it. `told_at`: when it was
    delivered."""
    return not ledger.move([Move(key, status, reason, told_at=told_at, run_id=run_id, provider_id=provider_id)])


def engage(
    ledger: Ledger, key: DeliveryKey, what: Engagement, *, at: datetime | None = None, run_id: str | None = None
) -> bool:
    """Tells that a letter was opened, clicked and so on; returns whether it was the first time."""
    return ledger.engage(key, what, at=at, run_id=run_id)


def told_delivered(ledger: Ledger, key: DeliveryKey, at: str) -> None:
    """Tells when a letter was delivered, whatever has become of it since."""
    ledger.note_delivery(key, at=at)


def _rows() -> list[DeliveryRow]:
    return [row for row in LedgerRow.scan(consistent_read=True) if isinstance(row, DeliveryRow)]


def _key(key: DeliveryKey | str, channel: str) -> DeliveryKey:
    return key if isinstance(key, DeliveryKey) else DeliveryKey(key, channel)


def _place(key: DeliveryKey) -> tuple[str, str]:
    return key.notification_id, DELIVERY_PREFIX + key.channel
