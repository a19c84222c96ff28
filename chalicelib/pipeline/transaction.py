"""One DynamoDB transaction over deliveries and the counters of their runs.

A chunk's deliveries are changed alike but for their keys: the expressions are worded once and put together with each
key. PynamoDB words them anew for every item, which was half of the CPU time of a campaign.
"""

from collections.abc import Callable, Hashable
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.pipeline.run_counters import Tally
from chalicelib.storage.dynamodb import Reasons, transact
from chalicelib.storage.rows.ledger import DeliveryRow, delivery_part

# Stand in an expression for the values that each delivery has of its own. No text of ours begins so.
OWN_VALUE, OWN_MOMENT = "\0own", "\0moment"
_ALL_OLD = "ALL_OLD"
Write = dict[str, Any]  # an `Update` or a `Put` of TransactWriteItems
Wording = tuple[list[Action], Condition]


class Writes:
    """The writes of one transaction. Each is worded once for every `shape` of them."""

    def __init__(self) -> None:
        self._worded: dict[Hashable, Write] = {}
        self._puts: dict[int, Write] = {}  # by place
        self._updates: dict[int, Write] = {}

    def update(
        self,
        notification_id: str,
        channel: str,
        *,
        shape: Hashable,
        word: Callable[[], Wording],
        own_value: str | None = None,
        own_moment: str | None = None,
    ) -> None:
        """Changes a delivery by what `word` says. `own_value` and `own_moment` take the places of OWN_VALUE and
        OWN_MOMENT in it."""
        part = delivery_part(channel)
        if shape not in self._worded:
            actions, condition = word()
            self._worded[shape] = DeliveryRow(notification_id, part).get_update_kwargs_from_instance(
                actions=actions, condition=condition, return_values_on_condition_failure=_ALL_OLD
            )
        worded = self._worded[shape]
        values = worded["ExpressionAttributeValues"]
        own = {OWN_VALUE: own_value, OWN_MOMENT: own_moment}
        if own_value is not None or own_moment is not None:
            values = {
                name: {"S": own[value["S"]]} if value.get("S") in own else value for name, value in values.items()
            }
        key = _key(notification_id, part)
        self._updates[self._place()] = {**worded, "Key": key, "ExpressionAttributeValues": values}

    def put(self, notification_id: str, channel: str, *, shape: Hashable, make: Callable[[], DeliveryRow]) -> None:
        """Makes a delivery, as `make` does, where there is none."""
        if shape not in self._worded:
            self._worded[shape] = make().get_save_kwargs_from_instance(
                condition=DeliveryRow.notification_id.does_not_exist(), return_values_on_condition_failure=_ALL_OLD
            )
        worded = self._worded[shape]
        item = {**worded["Item"], **_key(notification_id, delivery_part(channel))}
        self._puts[self._place()] = {**worded, "Item": item}

    def write(self, tally: Tally, *, shard: int) -> Reasons | None:
        """None where the transaction was made; else the reason of each write, in their order, and those of counters.
        Raises: UnavailableError (retryable)."""
        counters = [
            counter.get_update_kwargs_from_instance(actions=changes) for counter, changes in tally.updates(shard=shard)
        ]
        reasons = transact(puts=[*self._puts.values()], updates=[*self._updates.values(), *counters])
        return None if reasons is None else self._in_order(reasons)

    def _place(self) -> int:
        return len(self._puts) + len(self._updates)

    def _in_order(self, reasons: Reasons) -> Reasons:
        places = [*self._puts, *self._updates]  # as PynamoDB has written them
        by_place = dict(zip(places, reasons, strict=False))
        return [*(by_place[place] for place in range(len(places))), *reasons[len(places) :]]


def _key(notification_id: str, part: str) -> dict[str, Any]:
    return {"notification_id": {"S": notification_id}, "part": {"S": part}}
