"""One DynamoDB transaction over deliveries and the counters of their runs. Called by `ledger.py` alone.

A chunk's deliveries are changed alike but for their keys: the expressions are worded once and put together with each
key. PynamoDB words them anew for every item, which was half of the CPU time of a campaign.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from pynamodb.exceptions import CancellationReason, TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.pipeline.tally import Tally
from chalicelib.storage.base import reaching_dynamodb
from chalicelib.storage.ledger import DeliveryRow, LedgerRow, delivery_part

# Stands in an expression for the one value that each delivery has of its own. No text of ours begins so.
OWN_VALUE = "\0own"
_OWN = {"S": OWN_VALUE}
Update = dict[str, Any]  # an `Update` of TransactWriteItems
Wording = tuple[list[Action], Condition]


class Updates:
    """The updates of one transaction."""

    def __init__(self) -> None:
        self._worded: dict[Hashable, Update] = {}
        self.items: list[Update] = []

    def add(
        self,
        notification_id: str,
        channel: str,
        *,
        shape: Hashable,
        word: Callable[[], Wording],
        own_value: str | None = None,
    ) -> None:
        """Changes a delivery by what `word` says, which is asked once for each `shape`. `own_value` takes the place of
        OWN_VALUE in it."""
        part = delivery_part(channel)
        if shape not in self._worded:
            actions, condition = word()
            self._worded[shape] = DeliveryRow(notification_id, part).get_update_kwargs_from_instance(
                actions=actions, condition=condition, return_values_on_condition_failure="ALL_OLD"
            )
        worded = self._worded[shape]
        key = {"notification_id": {"S": notification_id}, "part": {"S": part}}
        values = worded["ExpressionAttributeValues"]
        if own_value is not None:
            values = {name: {"S": own_value} if value == _OWN else value for name, value in values.items()}
        self.items.append({**worded, "Key": key, "ExpressionAttributeValues": values})

    def write(self, tally: Tally, *, shard: int) -> Sequence[CancellationReason | None] | None:
        """None where the transaction was made; else the reason of each item, those of the deliveries first. Raises:
        UnavailableError (retryable)."""
        counters = [
            counter.get_update_kwargs_from_instance(actions=changes) for counter, changes in tally.updates(shard=shard)
        ]
        connection = LedgerRow._get_connection().connection
        with reaching_dynamodb():
            try:
                connection.transact_write_items([], [], [], [*self.items, *counters])
            except TransactWriteError as error:
                if not error.cancellation_reasons:
                    raise
                return error.cancellation_reasons
        return None
