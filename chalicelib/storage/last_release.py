"""Reads what the last release wrote: a row for each delivery, `delivery#<channel>`, and counters of its runs. Goes with
the next release: until then a delivery moves to its new place when anything happens to it.
"""

import json
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from chalicelib.clock import parse_rfc3339
from chalicelib.deliveries import DeliveryKey, DeliveryStatus
from chalicelib.errors import InvalidError
from chalicelib.marks import Heard, engaged, told
from chalicelib.outcomes import Outcomes
from chalicelib.states import Engagement
from chalicelib.steps import Step
from chalicelib.storage.dynamodb import batch_read, reaching_dynamodb
from chalicelib.storage.ledger_rows import Item, read_rows
from chalicelib.storage.outcomes import MISSHAPEN, OutcomesKey, Stored
from chalicelib.storage.rows.campaign_parts import CounterRow

DELIVERY_PREFIX = "delivery#"
_COUNTERS = 16  # of a run, each in a partition of its own; of an older one in one


def outcomes_of_last_release(keys: Collection[OutcomesKey]) -> dict[OutcomesKey, Stored | InvalidError]:
    """Of those that have such a row. Raises: UnavailableError (retryable)."""
    places = {(key.home, DELIVERY_PREFIX + key.channel): key for key in keys}
    return {places[at]: _stored(item) for at, item in read_rows(places).items()}


def counts_of_last_release(run_id: str) -> Counter[str]:
    """By word, as the last release has counted them. Raises: UnavailableError (retryable)."""
    keys = [(key, f"{n:02}") for n in range(_COUNTERS) for key in (f"{run_id}#{n:02}", run_id)]
    words: Counter[str] = Counter()
    with reaching_dynamodb():
        for _, item in batch_read({CounterRow: keys}, consistent=False):
            words.update({name: int(float(value["N"])) for name, value in item.items() if "N" in value})
    return words


def _stored(item: Item) -> Stored | InvalidError:
    try:
        numbers: dict[str, set[int]] = {}
        for heard in _heard(item):
            numbers.setdefault(heard.mark, set()).add(heard.number(0))
        return Stored(Outcomes(_steps(item), numbers), expires=int(item["expires_at_epoch"]["N"]))
    except (ValueError, TypeError, LookupError, AttributeError):
        return InvalidError(MISSHAPEN)


def _steps(item: Item) -> list[Step]:
    entries: list[Mapping[str, Any]] = [json.loads(entry["S"]) for entry in item["timeline"]["L"]]
    names = ("reason", "rule", "attempt", "times")
    steps = [
        Step(entry["at"], DeliveryStatus(entry["status"]), 1, **{name: entry[name] for name in names if name in entry})
        for entry in entries
        if "status" in entry
    ]
    owner, lease, sent_as = (item.get(name, {}).get("S") for name in ("owner", "lease_until", "provider_id"))
    claims = [n for n, step in enumerate(steps) if step.status is DeliveryStatus.CALLING]
    if claims:
        steps[claims[-1]] = steps[claims[-1]]._replace(owner=owner, lease_until=lease)
    if steps[-1].status != item["status"]["S"]:
        raise ValueError("its timeline ends otherwise")
    if "delivered_at" in item:  # a mark says so, and when
        steps = [step for step in steps if step.status is not DeliveryStatus.DELIVERED]
    steps[-1] = steps[-1]._replace(provider_id=sent_as, resend="resends" in item or None)
    return steps


def _heard(item: Item) -> list[Heard]:
    """Its moments, as marks."""
    key = DeliveryKey(item["notification_id"]["S"], item["part"]["S"].removeprefix(DELIVERY_PREFIX))
    found = [
        engaged(key, name, parse_rfc3339(item[attribute]["S"]))
        for name in Engagement
        for attribute in (f"{name}_at", f"{name}_last_at")
        if attribute in item
    ]
    if "delivered_at" in item:
        at = parse_rfc3339(item["delivered_at"]["S"])
        found.append(told(key, DeliveryStatus.DELIVERED, None, at, now=at))
    return found
