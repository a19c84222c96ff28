"""Counts what this process asks of AWS through boto3 and PynamoDB: requests by service and operation, and the units of
capacity that they took of DynamoDB. The emulator computes those from item sizes, as AWS does, but not those of
BatchGetItem, which are computed here: a unit for each key, half of one where the read need not be consistent. That is
for items of up to 4 KB, which ours are, and AWS charges the same for one that is not there."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore import handlers

_READS = frozenset({"GetItem", "Query", "Scan"})


@dataclass(frozen=True)
class Units:
    """Of DynamoDB's capacity: what reading and writing are billed by."""

    read: float = 0.0
    write: float = 0.0

    def __add__(self, more: "Units") -> "Units":
        return Units(self.read + more.read, self.write + more.write)


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

    def _note_units(self, parsed: Mapping[str, Any], model: Any, **_: Any) -> None:
        told = parsed.get("ConsumedCapacity", [])
        for one in told if isinstance(told, list) else [told]:
            units: float = one["CapacityUnits"]
            self._units += Units(read=units) if model.name in _READS else Units(write=units)

    def _note_keys(self, params: Mapping[str, Any], **_: Any) -> None:
        for asked in params["RequestItems"].values():
            self._units += Units(read=len(asked["Keys"]) * (1 if asked.get("ConsistentRead") else 0.5))


def _ask_for_units(params: dict[str, Any], model: Any, **_: Any) -> None:
    if "ReturnConsumedCapacity" in model.input_shape.members:
        params["ReturnConsumedCapacity"] = "TOTAL"
