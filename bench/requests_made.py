"""Counts what this process asks of AWS through boto3 and PynamoDB: requests by service and operation, and the units of
capacity that they took of DynamoDB. The emulator computes those from item sizes, as AWS does, but not those of
BatchGetItem and of refused writes, which are computed here. A read key takes a unit, half of one where it need not be
consistent: that is for items of up to 4 KB, which ours are, and AWS charges the same for one that is not there. A write
that its condition refuses is charged as if it had been made ("Working with items and attributes", conditional writes),
and a cancelled transaction for all of its writes: a unit each, in a transaction two, for items of up to 1 KB."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore import handlers

_READS = frozenset({"GetItem", "Query", "Scan"})
_REFUSALS = frozenset({"ConditionalCheckFailedException", "TransactionCanceledException"})
_WRITES = "units_if_refused"


@dataclass(frozen=True)
class Units:
    """Of DynamoDB's capacity: what reading and writing are billed by."""

    read: float = 0.0
    written: Counter[str] = field(default_factory=Counter)  # by table
    refused: float = 0.0  # of it, what changed nothing

    @property
    def write(self) -> float:
        """Of all tables."""
        return float(sum(self.written.values()))

    def __add__(self, more: "Units") -> "Units":
        return Units(self.read + more.read, self.written + more.written, self.refused + more.refused)


class Requests:
    """Every client that is made after this one counts; a call that botocore tries again counts again."""

    def __init__(self) -> None:
        self._made: Counter[tuple[str, str]] = Counter()
        self._units = Units()
        handlers.BUILTIN_HANDLERS.extend(
            [
                ("before-send", self._note),
                ("before-parameter-build.dynamodb", _ask_for_units),
                ("before-parameter-build.dynamodb.BatchGetItem", self._note_keys),
                ("before-parameter-build.dynamodb", _note_writes),
                ("after-call.dynamodb", self._note_units),
            ]
        )

    def take(self) -> tuple[Counter[tuple[str, str]], Units]:
        """Since the last time: requests by (service, operation), and the units that they took."""
        taken = self._made.copy(), self._units
        self._made.clear()
        self._units = Units()
        return taken

    def _note(self, event_name: str, **options: Any) -> None:
        del options  # the request itself is nothing to us
        _, service, operation = event_name.split(".")
        self._made[(service, operation)] += 1

    def _note_units(self, parsed: Mapping[str, Any], model: Any, context: Mapping[str, Any], **_: Any) -> None:
        if parsed.get("Error", {}).get("Code") in _REFUSALS:
            taken: Counter[str] = context[_WRITES]
            self._units += Units(written=taken, refused=float(taken.total()))
        told = parsed.get("ConsumedCapacity", [])
        for one in told if isinstance(told, list) else [told]:
            units = one["CapacityUnits"]
            reads = model.name in _READS
            self._units += Units(read=units) if reads else Units(written=Counter({one["TableName"]: units}))

    def _note_keys(self, params: Mapping[str, Any], **_: Any) -> None:
        for asked in params["RequestItems"].values():
            self._units += Units(read=len(asked["Keys"]) * (1 if asked.get("ConsistentRead") else 0.5))


def _ask_for_units(params: dict[str, Any], model: Any, **_: Any) -> None:
    if "ReturnConsumedCapacity" in model.input_shape.members:
        params["ReturnConsumedCapacity"] = "TOTAL"


def _note_writes(params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
    together = [one for asked in params.get("TransactItems", ()) for one in asked.values()]
    context[_WRITES] = Counter({params["TableName"]: 1} if "TableName" in params else {})
    for one in together:
        context[_WRITES][one["TableName"]] += 2
