"""What happens to a letter beside its status: it is opened, clicked, delayed, unsubscribed from. Words the changes
that `ledger.py` makes.

Before a letter is delivered only a scanner on the way can open it, whatever browser it claims to be. Events come in any
order: until the time of the delivery is told, the first and the last opening are kept, and are judged by it then.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import and_
from typing import Literal, NamedTuple

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.storage.ledger_transaction import Item
from chalicelib.storage.ledger_writes import timeline_entry
from chalicelib.storage.rows.ledger import DeliveryRow
from chalicelib.storage.run_counters import ENGAGEMENTS

Engagement = Literal["opened", "clicked", "machine_opened", "machine_clicked", "delayed", "unsubscribed"]
# What a person did, as done by a program.
BY_MACHINE: Mapping[str, Engagement] = {"opened": "machine_opened", "clicked": "machine_clicked"}


class Reworded(NamedTuple):
    """A change, and the condition that the delivery is still as found. `counts`: from which word of the counters to
    which; `news`: it is the first time."""

    actions: list[Action]
    condition: Condition
    counts: list[tuple[str | None, str | None]]
    news: bool = True


Rewording = Callable[[Item], Reworded | None]  # None: there is nothing to change


def engaging(what: Engagement, *, at: str) -> Rewording:
    """That something happened at a moment."""

    def word(found: Item) -> Reworded | None:
        name, delivered = what, _text(found, "delivered_at")
        if what in BY_MACHINE and delivered and at < delivered:
            name = BY_MACHINE[what]
        first = _text(found, f"{name}_at")
        if first is None:
            return _first_time(name, at)
        last = _text(found, f"{name}_last_at") or first
        if name not in BY_MACHINE or delivered or first <= at <= last:
            return None
        actions: list[Action] = [_moment(name).set(min(first, at)), _last(name).set(max(last, at))]
        return Reworded(actions, _as_found(found, name) & DeliveryRow.delivered_at.does_not_exist(), [], news=False)

    return word


def delivering(at: str) -> Rewording:
    """That the letter was delivered at a moment, and what of its openings was a machine's."""

    def word(found: Item) -> Reworded | None:
        if _text(found, "delivered_at"):
            return None
        actions: list[Action] = [DeliveryRow.delivered_at.set(at)]
        condition: Condition = DeliveryRow.delivered_at.does_not_exist()
        counts: list[tuple[str | None, str | None]] = []
        for name, by_machine in BY_MACHINE.items():
            condition = condition & _as_found(found, name) & _as_found(found, by_machine)
            first = _text(found, f"{name}_at")
            if first is None or first >= at:
                continue
            if _text(found, f"{by_machine}_at") is None:
                actions.append(_moment(by_machine).set(first))
                counts.append((None, by_machine))
            if (_text(found, f"{name}_last_at") or first) < at:
                actions += [_moment(name).remove(), _last(name).remove()]
                counts.append((name, None))
        machines = [after for _, after in counts if after]
        if machines:
            actions.append(_told(machines, at))
        return Reworded(actions, condition, counts)

    return word


def _first_time(name: Engagement, at: str) -> Reworded:
    actions: list[Action] = [_moment(name).set(at), _told([name], at)]
    condition: Condition = _moment(name).does_not_exist()
    if name in BY_MACHINE:
        actions.append(_last(name).set(at))
        condition = condition & (DeliveryRow.delivered_at.does_not_exist() | (DeliveryRow.delivered_at <= at))
    return Reworded(actions, condition, [(None, name)] if name in ENGAGEMENTS else [])


def _told(names: Sequence[str], at: str) -> Action:
    events = [timeline_entry(at, {"event": name}) for name in names]
    return DeliveryRow.timeline.set(DeliveryRow.timeline.append(events))


def _as_found(found: Item, name: str) -> Condition:
    attributes = (_moment(name), _last(name)) if name in BY_MACHINE else (_moment(name),)
    values = [(attribute, _text(found, str(attribute.attr_name))) for attribute in attributes]
    return reduce(and_, (one.does_not_exist() if value is None else one == value for one, value in values))


def _moment(name: str) -> UnicodeAttribute:
    attribute: UnicodeAttribute = getattr(DeliveryRow, f"{name}_at")
    return attribute


def _last(name: str) -> UnicodeAttribute:
    attribute: UnicodeAttribute = getattr(DeliveryRow, f"{name}_last_at")
    return attribute


def _text(found: Item, name: str) -> str | None:
    value = found.get(name, {}).get("S")
    return value if isinstance(value, str) else None
