"""What happens to a letter beside its status: it is opened, clicked, delayed, unsubscribed from. Makes the changes that
`ledger.py` writes.

Before a letter is delivered only a scanner on the way can open it, whatever browser it claims to be. Events come in any
order: until the time of the delivery is known, the first and the last opening are kept, and judged by it then (ADR
0047).
"""

from collections.abc import Callable, Sequence
from functools import reduce
from operator import and_
from typing import NamedTuple

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.deliveries import DeliveryKey
from chalicelib.errors import InvalidError, UnavailableError
from chalicelib.states import BY_MACHINE, Engagement
from chalicelib.storage.dynamodb import Reasons, batch_read, reaching_dynamodb
from chalicelib.storage.ledger_transaction import (
    MAX_ROUNDS,
    MISSHAPEN,
    Expected,
    Item,
    Writes,
    place_of,
    stands_against,
)
from chalicelib.storage.ledger_writes import of_run, timeline_entry
from chalicelib.storage.rows.ledger import DeliveryRow
from chalicelib.storage.run_counters import ENGAGEMENTS


class _Reworded(NamedTuple):
    """A change, and the condition that the delivery is still as found. `counts`: from which word of the counters to
    which; `news`: it is the first time."""

    actions: list[Action]
    condition: Condition
    counts: list[tuple[str | None, str | None]]
    news: bool = True


_Rewording = Callable[[Item], _Reworded | None]  # None: there is nothing to change


def note(key: DeliveryKey, what: Engagement, *, at: str, run_id: str | None) -> bool:
    """Records the first time that something happened; returns whether it was the first. What a person seems to have
    done before the delivery is recorded as a machine's. Raises: UnavailableError (retryable)."""
    return _write_until(key, _engaging(what, at=at), run_id)


def note_delivery(key: DeliveryKey, *, at: str, run_id: str | None) -> None:
    """Records when a letter was delivered, and judges earlier openings by it. Raises: UnavailableError (retryable)."""
    _write_until(key, _delivering(at), run_id)


def _write_until(key: DeliveryKey, word: _Rewording, run_id: str | None) -> bool:
    """Repeats a change against the current state until it is made or no longer needed."""
    found = _read(key)  # most are repetitions, and a read costs a fifth of a transaction that is refused
    run_id = Expected.of(found).run_id if found else run_id
    for n in range(MAX_ROUNDS):
        worded = word(found)
        if worded is None:
            return False
        reasons = _write(key, worded, run_id, n)
        if reasons is None:
            return worded.news
        if reasons[0] is None or not stands_against(reasons[0]):
            continue
        before, found = found, reasons[0].raw_item or {}
        if not found:
            return False  # there is no such delivery
        if found == before:  # it was based on the current state, which nobody has changed
            raise InvalidError(MISSHAPEN)
        run_id = Expected.of(found).run_id
    raise UnavailableError("the ledger was contended: an event was not written")


def _read(key: DeliveryKey) -> Item:
    with reaching_dynamodb():
        found = batch_read({DeliveryRow: [place_of(key)]})
        return next((item for _, item in found), {})


def _write(key: DeliveryKey, worded: _Reworded, run_id: str | None, n: int) -> Reasons | None:
    writes = Writes()
    for before, after in worded.counts if run_id is not None else ():
        writes.count(run_id or "", before, after)
    writes.change(key, (worded.actions, DeliveryRow.status.exists() & worded.condition & of_run(run_id)))
    return writes.write(key, n)


def _engaging(what: Engagement, *, at: str) -> _Rewording:
    """That something happened at a moment."""

    def word(found: Item) -> _Reworded | None:
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
        return _Reworded(actions, _as_found(found, name) & DeliveryRow.delivered_at.does_not_exist(), [], news=False)

    return word


def _delivering(at: str) -> _Rewording:
    """That the letter was delivered at a moment, and what of its openings was a machine's."""

    def word(found: Item) -> _Reworded | None:
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
        return _Reworded(actions, condition, counts)

    return word


def _first_time(name: Engagement, at: str) -> _Reworded:
    actions: list[Action] = [_moment(name).set(at), _told([name], at)]
    condition: Condition = _moment(name).does_not_exist()
    if name in BY_MACHINE:
        actions.append(_last(name).set(at))
        condition = condition & (DeliveryRow.delivered_at.does_not_exist() | (DeliveryRow.delivered_at <= at))
    return _Reworded(actions, condition, [(None, name)] if name in ENGAGEMENTS else [])


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
