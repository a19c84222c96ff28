"""One DynamoDB transaction over deliveries and the counters of their runs.

A chunk's deliveries change alike except for their keys, so each expression is built once and combined with each key.
PynamoDB builds them again for every item, which was half of the CPU time of a campaign (ADR 0039).
"""

from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple

from pynamodb.exceptions import CancellationReason
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.deliveries import ANY_KEY, UNDER_WAY, UNSENT, DeliveryKey, DeliveryStatus, Move, S
from chalicelib.errors import InvalidError, Phrase
from chalicelib.storage.dynamodb import Reasons, transact
from chalicelib.storage.rows.ledger import DELIVERY_PREFIX, DeliveryRow, unsent_shard
from chalicelib.storage.run_counters import RunCounters, counted_as

# Stand in an expression for the values that each delivery has of its own. No text of ours begins so.
OWN_VALUE, OWN_MOMENT = "\0own", "\0moment"
MAX_ROUNDS = 12  # every round drops or corrects what failed and halves the rest: 90 are single ones after eight
MISSHAPEN = Phrase("a delivery is malformed")
_CONDITION_FAILED = "ConditionalCheckFailed"
# DynamoDB, "TransactWriteItems": the reasons that may pass the next time.
_PASSING = frozenset({"TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError", "AccessDenied"})
_ALL_OLD = "ALL_OLD"
Item = Mapping[str, Mapping[str, Any]]  # as DynamoDB has it; empty: there is none
Wording = tuple[list[Action], Condition]


class Fold(NamedTuple):
    """The timeline entry that the next one replaces: its position, of how many, and how many it then stands for."""

    place: int
    entries: int
    times: int


class Expected(NamedTuple):
    """What a transaction assumes about a delivery: the run that counts it, and the state in which it is counted (None:
    not yet); `new`: that it does not exist. If wrong, DynamoDB says so, with what it found instead."""

    run_id: str | None
    status: DeliveryStatus | None = None
    reason: str | None = None
    new: bool = False
    fold: Fold | None = None  # where its timeline takes no more

    @classmethod
    def of(cls, item: Item) -> "Expected":
        """What was found."""
        run_id, reason, text = (item.get(name, {}).get("S") for name in ("run_id", "reason", "status"))
        status = DeliveryStatus(text) if text else None
        return cls(run_id) if status in UNDER_WAY or run_id is None else cls(run_id, status, reason)


def first_guess(move: Move) -> Expected:
    """The likeliest case: nothing is counted yet, and a first claim finds nothing. A provider's event comes after the
    record of its letter; a person reopens what was counted."""
    before = move.states_before
    if move.status is S.CALLING and move.attempt == 1:
        return Expected(move.run_id, new=True)
    if move.run_id is not None and S.SENT in before:
        return Expected(move.run_id, S.SENT)
    if move.run_id is None or before & UNDER_WAY:
        return Expected(move.run_id)
    return Expected(move.run_id, S.UNCERTAIN)


def _shape(move: Move, expected: Expected) -> Hashable:
    """Equal for moves whose expressions differ only in the provider's id and time."""
    counted = expected.run_id and move.status in UNSENT
    place = unsent_shard(expected.run_id, move.key.notification_id) if counted and expected.run_id else ""
    provider_id, told_at = move.provider_id and OWN_VALUE, move.told_at and OWN_MOMENT
    return move._replace(key=ANY_KEY, provider_id=provider_id, told_at=told_at), expected, place


class Writes:
    """The writes of one transaction."""

    def __init__(self) -> None:
        self._worded: dict[Hashable, dict[str, Any]] = {}  # by shape
        self._puts: dict[int, dict[str, Any]] = {}  # by place
        self._updates: dict[int, dict[str, Any]] = {}
        self._tally: RunCounters | None = None

    def move(
        self, move: Move, expected: Expected, *, make: Callable[[], DeliveryRow], word: Callable[[], Wording]
    ) -> None:
        """Puts a delivery, as `make` builds it, if none is expected; otherwise changes it as `word` says."""
        shape = _shape(move, expected)
        if expected.run_id is not None:
            before = counted_as(expected.status, expected.reason)
            self.count(expected.run_id, before, counted_as(move.status, move.reason))
        if expected.new:
            self._put(move.key, shape, make)
        else:
            self._update(move.key, shape, word, {OWN_VALUE: move.provider_id, OWN_MOMENT: move.told_at})

    def change(self, key: DeliveryKey, wording: Wording) -> None:
        """Changes a delivery."""
        self._update(key, None, lambda: wording, {})

    def count(self, run_id: str, before: str | None, after: str | None) -> None:
        """Moves one delivery of a run from one counter to another."""
        self._tally = self._tally or RunCounters()
        self._tally.add(run_id, before=before, after=after)

    def write(self, key: DeliveryKey, n: int = 0) -> Reasons | None:
        """None if the transaction was made; otherwise the reason of each write, in order, and those of counters. `key`
        and the round decide which counters are written. Raises: UnavailableError (retryable)."""
        shard = int(key.notification_id[:8], 16) + n
        counters = [
            counter.get_update_kwargs_from_instance(actions=changes)
            for counter, changes in (self._tally.updates(shard=shard) if self._tally else ())
        ]
        reasons = transact(puts=[*self._puts.values()], updates=[*self._updates.values(), *counters])
        return None if reasons is None else self._in_order(reasons)

    def _update(
        self, key: DeliveryKey, shape: Hashable, word: Callable[[], Wording], own: Mapping[str, str | None]
    ) -> None:
        if shape not in self._worded:
            actions, condition = word()
            self._worded[shape] = DeliveryRow(*place_of(key)).get_update_kwargs_from_instance(
                actions=actions, condition=condition, return_values_on_condition_failure=_ALL_OLD
            )
        worded = self._worded[shape]
        values = worded["ExpressionAttributeValues"]
        if any(own.values()):
            values = {name: {"S": own[one["S"]]} if one.get("S") in own else one for name, one in values.items()}
        update = {**worded, "Key": _raw_key(key), "ExpressionAttributeValues": values}
        self._updates[len(self._puts) + len(self._updates)] = update

    def _put(self, key: DeliveryKey, shape: Hashable, make: Callable[[], DeliveryRow]) -> None:
        if shape not in self._worded:
            self._worded[shape] = make().get_save_kwargs_from_instance(
                condition=DeliveryRow.notification_id.does_not_exist(), return_values_on_condition_failure=_ALL_OLD
            )
        worded = self._worded[shape]
        put = {**worded, "Item": {**worded["Item"], **_raw_key(key)}}
        self._puts[len(self._puts) + len(self._updates)] = put

    def _in_order(self, reasons: Reasons) -> Reasons:
        places = [*self._puts, *self._updates]  # as PynamoDB has written them
        by_place = dict(zip(places, reasons, strict=False))
        return [*(by_place[place] for place in range(len(places))), *reasons[len(places) :]]


def stands_against(reason: CancellationReason) -> bool:
    """Whether the condition did not hold. Raises: InvalidError (permanent): the delivery can never be changed like
    this."""
    if reason.code == _CONDITION_FAILED:
        return True
    if reason.code not in _PASSING:
        raise InvalidError(MISSHAPEN)
    return False


def place_of(key: DeliveryKey) -> tuple[str, str]:
    """The keys of a delivery's row."""
    return key.notification_id, DELIVERY_PREFIX + key.channel


def _raw_key(key: DeliveryKey) -> dict[str, Any]:
    notification_id, part = place_of(key)
    return {"notification_id": {"S": notification_id}, "part": {"S": part}}
