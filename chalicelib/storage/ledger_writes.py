"""What a move changes of a delivery, and under which condition, as DynamoDB expressions.

A delivery's timeline is oldest first and bounded. A wait that begins again for the same reason replaces its last entry,
as does anything added to a full timeline; `times` says how many entries one stands for (ADR 0018).
"""

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition, size
from pynamodb.expressions.update import Action

from chalicelib.clock import expiry_epoch, rfc3339
from chalicelib.deliveries import UNDER_WAY, UNSENT, DeliveryStatus, Move, S, fit_for_resend
from chalicelib.storage.ledger_transaction import OWN_MOMENT, OWN_VALUE, Expected, Fold, Item, Wording, place_of
from chalicelib.storage.rows.ledger import DeliveryRow, unsent_shard

MAX_ENTRIES = 100  # a letter with eight attempts has about twenty


def fold_of(item: Item, move: Move) -> Fold | None:
    """What the move's timeline entry replaces; None if it is simply added."""
    texts = [entry["S"] for entry in item.get("timeline", {}).get("L", ())]
    place = len(texts) - 1 if len(texts) >= MAX_ENTRIES else None
    if move.status is S.WAITING and move.reason is not None:
        told = [json.loads(text) for text in texts]
        waits = [n for n, one in enumerate(told) if (one.get("status"), one.get("reason")) == (S.WAITING, move.reason)]
        if waits and (item["status"]["S"], item.get("reason", {}).get("S")) == (S.WAITING, move.reason):
            place = waits[-1]
    if place is None:
        return None
    return Fold(place, len(texts), json.loads(texts[place]).get("times", 1) + 1)


def timeline_entry(at: str, said: Mapping[str, Any]) -> str:
    """One entry, without what is None."""
    told = {"at": at, **{name: value for name, value in said.items() if value is not None}}
    return json.dumps(told, separators=(",", ":"))


def _states_before(move: Move, expected: Expected) -> frozenset[DeliveryStatus | None]:
    """The expected states from which it may be made."""
    if expected.run_id is None:
        return move.states_before
    return move.states_before & (UNDER_WAY if expected.status is None else {expected.status})


def wording(move: Move, expected: Expected, *, at: datetime, retention_days: int) -> Wording:
    """What the move changes, and the condition that it is made under."""
    return _actions(move, expected, at, retention_days), _condition(move, expected)


def claimed(move: Move, *, at: datetime, retention_days: int) -> DeliveryRow:
    """The delivery that a first claim makes."""
    return DeliveryRow(
        *place_of(move.key),
        status=move.status.value,
        timeline=[_event(move, rfc3339(at))],
        owner=move.owner,
        attempt=move.attempt,
        lease_until=_lease(move, rfc3339(at)),
        request_id=move.request_id,
        run_id=move.run_id,
        created_at=rfc3339(at),
        expires_at_epoch=_expiry(move, at, retention_days),
    )


def _actions(move: Move, expected: Expected, at: datetime, retention_days: int) -> list[Action]:
    row, before = DeliveryRow, _states_before(move, expected)
    actions: list[Action] = [
        row.status.set(move.status.value),
        _noted(move, expected, before, rfc3339(at)),
        *_marks(move, before, rfc3339(at)),
        *_place_in_run(move, expected, before),
    ]
    if None in before:
        actions += [row.kind.set(DeliveryRow), row.created_at.set(row.created_at | rfc3339(at))]
    if None in before or move.expires_at_epoch:  # it is kept so long since it was made
        actions.append(row.expires_at_epoch.set(_expiry(move, at, retention_days)))
    if move.by_hand:
        actions.append(row.resends.remove())
    if move.resend:
        actions.append(row.resends.set(1))
    if move.provider_id:
        actions.append(row.provider_id.set(OWN_VALUE))
    if move.request_id:
        actions.append(row.request_id.set(move.request_id))
    if move.told_at:
        actions.append(row.delivered_at.set(row.delivered_at | OWN_MOMENT))
    return actions


def _marks(move: Move, before: frozenset[DeliveryStatus | None], at: str) -> list[Action]:
    """Attributes of some states only, a reason, a lease, a call for attention: set by a move to them, and removed by
    one from them."""
    row = DeliveryRow
    actions: list[Action] = []
    if move.reason:
        actions.append(row.reason.set(move.reason))
    elif before - {None, S.CALLING}:
        actions.append(row.reason.remove())
    if move.status is S.CALLING:
        actions += [row.owner.set(move.owner or ""), row.attempt.set(move.attempt or 1)]
        actions.append(row.lease_until.set(_lease(move, at)))
    elif S.CALLING in before:
        actions.append(row.lease_until.remove())
    if move.status is S.UNCERTAIN:
        actions += [row.attention.set(move.status.value), row.attention_at.set(at)]
    elif S.UNCERTAIN in before:
        actions += [row.attention.remove(), row.attention_at.remove()]
    return actions


def _place_in_run(move: Move, expected: Expected, before: frozenset[DeliveryStatus | None]) -> list[Action]:
    """The run that counts it, and its place among those that a resend may take."""
    row = DeliveryRow
    actions: list[Action] = []
    if expected.run_id is None:
        return actions
    if expected.status is None:  # else it is counted, and has its run
        actions.append(row.run_id.set(expected.run_id))
    if fit_for_resend(move.status, move.reason):
        actions.append(row.unsent_run.set(unsent_shard(expected.run_id, move.key.notification_id)))
    elif before & UNSENT:
        actions.append(row.unsent_run.remove())
    return actions


def _lease(move: Move, at: str) -> str:
    return rfc3339(move.lease_until) if move.lease_until else at


def _expiry(move: Move, at: datetime, retention_days: int) -> int:
    return move.expires_at_epoch or expiry_epoch(retention_days, since=at)


def _noted(move: Move, expected: Expected, before: frozenset[DeliveryStatus | None], at: str) -> Action:
    timeline, fold = DeliveryRow.timeline, expected.fold
    if fold is not None:
        folded: Action = timeline[fold.place].set(_event(move, at, times=fold.times))
        return folded
    return timeline.set((timeline | [] if None in before else timeline).append([_event(move, at)]))


def _event(move: Move, at: str, *, times: int | None = None) -> str:
    said = {"status": move.status.value, "reason": move.reason, "rule": move.rule, "attempt": move.attempt}
    return timeline_entry(at, {**said, "times": times})


def _condition(move: Move, expected: Expected) -> Condition:
    before, lower = _states_before(move, expected), move.verdicts_before
    states: list[Condition] = []
    plain = {one.value for one in before if one is not None and one not in lower}
    if plain:
        states.append(_is_one_of(DeliveryRow.status, plain))
    for one, reasons in lower.items():
        if one in before:
            states.append((DeliveryRow.status == one.value) & _is_one_of(DeliveryRow.reason, reasons))
    state = reduce(or_, states) & _fits(move, expected)
    if None in before:
        state = DeliveryRow.status.does_not_exist() | state
    condition: Condition = state & of_run(expected.run_id)
    if expected.reason is not None and expected.status in UNSENT:
        condition = condition & (DeliveryRow.reason == expected.reason)
    if move.owner is not None and move.status is not DeliveryStatus.CALLING:
        condition = condition & (DeliveryRow.owner == move.owner)
    if move.resend:
        condition = condition & DeliveryRow.resends.does_not_exist()
    if move.told_at:
        condition = condition & _judged()
    return condition


def _judged() -> Condition:
    """The condition that no opening needs to be judged by the time of delivery (`engagement.py`)."""
    row = DeliveryRow
    opened: Condition = row.opened_at.does_not_exist() | (row.opened_at >= OWN_MOMENT)
    clicked: Condition = row.clicked_at.does_not_exist() | (row.clicked_at >= OWN_MOMENT)
    judged: Condition = row.delivered_at.exists() | (opened & clicked)
    return judged


def _is_one_of(attribute: UnicodeAttribute, values: Collection[str]) -> Condition:
    first, *others = sorted(values)
    return attribute.is_in(first, *others) if others else attribute == first


def _fits(move: Move, expected: Expected) -> Condition:
    """The condition that the timeline is as expected: what is found instead says which entry to replace."""
    length = size(DeliveryRow.timeline)
    if expected.fold is not None:
        as_found: Condition = length == expected.fold.entries
        return as_found
    room: Condition = length < MAX_ENTRIES
    if move.status is S.WAITING and move.reason is not None:
        room = room & ((DeliveryRow.status != move.status.value) | (DeliveryRow.reason != move.reason))
    return room


def of_run(run_id: str | None) -> Condition:
    condition: Condition = DeliveryRow.run_id.does_not_exist()
    if run_id is not None:
        condition = condition | (DeliveryRow.run_id == run_id)
    return condition
