"""What is noted of a delivery, oldest first: bounded, whatever happens to it. A wait that is begun again for the same
reason takes the place of its last entry, and so does whatever comes to a full timeline; `times` says how many
entries such a one stands for.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from chalicelib.pipeline.statuses import DeliveryStatus

MAX_ENTRIES = 100  # of a letter in eight attempts there are about twenty


class Fold(NamedTuple):
    """The entry that the next one takes the place of: where it stands, of how many, and what it stands for then."""

    place: int
    entries: int
    times: int


def fold_of(item: Mapping[str, Any], status: DeliveryStatus, reason: str | None) -> Fold | None:
    """Of a delivery as DynamoDB has it, for an entry to come; None where that is simply added."""
    texts = [entry["S"] for entry in item.get("timeline", {}).get("L", ())]
    place = len(texts) - 1 if len(texts) >= MAX_ENTRIES else None
    if status is DeliveryStatus.WAITING and reason is not None:
        found = item.get("status", {}).get("S"), item.get("reason", {}).get("S")
        alike = [n for n, text in enumerate(texts) if _of(text) == (status.value, reason)]
        if found == (status.value, reason) and alike:
            place = alike[-1]
    if place is None:
        return None
    return Fold(place, len(texts), json.loads(texts[place]).get("times", 1) + 1)


def entry(at: str, said: Mapping[str, Any]) -> str:
    """One entry, without what there is not."""
    told = {"at": at, **{name: value for name, value in said.items() if value is not None}}
    return json.dumps(told, separators=(",", ":"))


def _of(text: str) -> tuple[str | None, str | None]:
    told = json.loads(text)
    return told.get("status"), told.get("reason")
