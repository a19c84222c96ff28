"""The only writer of deliveries' statuses. Called by `enrich`, `deliver`, `feedback` and the cancel call.

Every move is a conditional write, and a move whose condition fails is not an error but an answer: somebody was there
before. A chunk is written by one transaction (≤ 100 items); a recipient that fails its condition is dropped from the
chunk, not the chunk. The counts of a campaign's run are written in the same transaction (`tally.py`).
"""

import json
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal

from pynamodb.exceptions import CancellationReason
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.clock import Clock, parse_rfc3339, rfc3339
from chalicelib.errors import UnavailableError
from chalicelib.pipeline.statuses import ENTERED_FROM, REOPENED_FROM, DeliveryStatus, S
from chalicelib.pipeline.tally import (
    ENGAGEMENTS,
    UNDER_WAY,
    UNSENT,
    Supposed,
    Tally,
    fit_for_resend,
    unsent_place,
    word,
)
from chalicelib.pipeline.transaction import OWN_VALUE, Updates, Wording
from chalicelib.storage.base import batch_read, expiry_epoch, reaching_dynamodb
from chalicelib.storage.ledger import DeliveryRow, delivery_part

# DynamoDB takes 100 items in one transaction; the counters of the runs need some of them.
TRANSACTION_MOVES = 90
_ACCEPTED = {S.SENT, S.DELIVERED, S.BOUNCED, S.COMPLAINED}
_CONDITION_FAILED = "ConditionalCheckFailed"
_MAX_ROUNDS = 12  # every round drops or corrects what failed and halves the rest: 90 are single ones after eight

Engagement = Literal["opened", "clicked", "delayed", "unsubscribed"]


@dataclass(frozen=True)
class DeliveryKey:
    """Names one delivery; `id` is what providers get as a tag."""

    notification_id: str
    channel: str

    @property
    def id(self) -> str:
        """`<notification id>_<channel>`: only characters that SES allows in a tag."""
        return f"{self.notification_id}_{self.channel}"

    @classmethod
    def of(cls, delivery_id: str) -> "DeliveryKey":
        """The inverse of `id`. Raises: ValueError."""
        notification_id, separator, channel = delivery_id.partition("_")
        if not (separator and notification_id and channel):
            raise ValueError(f"not a delivery id: {delivery_id}")
        return cls(notification_id, channel)


@dataclass(frozen=True)
class Move:
    """One wished change of a delivery to `status`, from any state that may precede it.

    `owner` names the claim: a move to `calling` sets it, any other move that gives one demands it, so that a worker
    whose claim was taken over changes nothing. `run_id` is that of a campaign; whoever does not know it may leave it
    out, at the price of one more request.
    """

    key: DeliveryKey
    status: DeliveryStatus
    reason: str | None = None
    rule: str | None = None  # what decided it, for the timeline
    owner: str | None = None
    lease_until: datetime | None = None
    provider_id: str | None = None
    attempt: int | None = None
    request_id: str | None = None
    run_id: str | None = None
    by_hand: bool = False  # a person opens it again: from `failed` or `uncertain` back to `queued`
    resend: bool = False  # back to `queued` although the provider may have it: allowed once
    unclaimed: bool = False  # only where no worker has claimed it: a repeated message closes nothing that was sent
    expires_at_epoch: int | None = None  # default: the retention, from now


@dataclass(frozen=True)
class Refusal:
    """Why a move was not made: the state that was found instead (None: there was no delivery)."""

    status: DeliveryStatus | None
    lease_until: datetime | None = None


class Ledger:
    """The deliveries of one stage."""

    def __init__(self, *, clock: Clock, retention_days: int) -> None:
        self._clock = clock
        self._retention_days = retention_days

    def move(self, moves: Sequence[Move]) -> dict[DeliveryKey, Refusal]:
        """Makes every move that its delivery's state allows; answers the others. A move that was already made by the
        same owner counts as made (a lost reply of DynamoDB). Raises: UnavailableError (retryable); moves made before
        it stay."""
        refused: dict[DeliveryKey, Refusal] = {}
        for start in range(0, len(moves), TRANSACTION_MOVES):
            refused |= self._move_chunk(moves[start : start + TRANSACTION_MOVES])
        return refused

    def accepted(self, keys: Collection[DeliveryKey]) -> set[DeliveryKey]:
        """Those of which it is known already that the provider took them, as of a second ago; a hundred a request.
        Raises: UnavailableError (retryable)."""
        places = {(key.notification_id, delivery_part(key.channel)): key for key in keys}
        with reaching_dynamodb():
            found = batch_read(
                {DeliveryRow: list(places)}, attributes=("notification_id", "part", "status"), consistent=False
            )
            rows = [item for _, item in found]
        known = [row for row in rows if row["status"]["S"] in _ACCEPTED]
        return {places[(row["notification_id"]["S"], row["part"]["S"])] for row in known}

    def engage(self, key: DeliveryKey, what: Engagement, *, run_id: str | None = None) -> bool:
        """Notes the first time that something happened which is no status; says whether it was the first. Raises:
        UnavailableError (retryable)."""
        at = rfc3339(self._clock())
        moment = getattr(DeliveryRow, f"{what}_at")
        event = json.dumps({"at": at, "event": what}, separators=(",", ":"))
        actions: list[Action] = [moment.set(at), DeliveryRow.timeline.set(DeliveryRow.timeline.append([event]))]
        for n in range(_MAX_ROUNDS):
            tally = Tally()
            tally.add(run_id, before=None, after=what if what in ENGAGEMENTS else None)
            condition = DeliveryRow.status.exists() & moment.does_not_exist() & _of_run(run_id)
            reasons = _write_one(key, (actions, condition), tally, n)
            if reasons is None:
                return True
            if reasons[0] is None or reasons[0].code != _CONDITION_FAILED:
                continue
            found = Supposed.of(reasons[0].raw_item or {}).run_id
            if found == run_id:
                return False
            run_id = found
        raise UnavailableError("the ledger was contended: an event was not written")

    def _move_chunk(self, moves: Sequence[Move]) -> dict[DeliveryKey, Refusal]:
        refused: dict[DeliveryKey, Refusal] = {}
        self._move_portion([(move, _first_guess(move)) for move in moves], refused, n=0)
        return refused

    def _move_portion(
        self, portion: Sequence[tuple[Move, Supposed]], refused: dict[DeliveryKey, Refusal], *, n: int
    ) -> None:
        if n == _MAX_ROUNDS:
            raise UnavailableError(f"the ledger was contended: {len(portion)} deliveries were not written")
        reasons = self._try(portion, n)
        if reasons is None:
            return
        left = [
            (move, again)
            for (move, supposed), reason in zip(portion, reasons, strict=False)  # counters come after the moves
            if (again := _judge(move, supposed, reason, refused)) is not None
        ]
        # The events of a bulk send come while it is recorded, and each that hits one delivery stops the whole
        # transaction: the smaller it is, the sooner it gets between them.
        middle = (len(left) + 1) // 2 if n else len(left)
        for part in (left[:middle], left[middle:]):
            if part:
                self._move_portion(part, refused, n=n + 1)

    def _try(self, moves: Sequence[tuple[Move, Supposed]], n: int) -> Sequence[CancellationReason | None] | None:
        tally, updates, at = Tally(), Updates(), self._clock()
        for move, supposed in moves:
            before = word(supposed.status, supposed.reason)
            tally.add(supposed.run_id, before=before, after=word(move.status, move.reason))
            updates.add(
                move.key.notification_id,
                move.key.channel,
                shape=_shape(move, supposed),
                word=partial(self._word, move, supposed, at),
                own_value=move.provider_id,
            )
        return updates.write(tally, shard=_shard(moves[0][0].key, n))

    def _word(self, move: Move, supposed: Supposed, at: datetime) -> Wording:
        return self._actions(move, supposed, at), _condition(move, supposed)

    def _actions(self, move: Move, supposed: Supposed, at: datetime) -> list[Action]:
        row, before = DeliveryRow, _before(move, supposed)
        event = json.dumps(_event(move, rfc3339(at)), separators=(",", ":"))
        actions: list[Action] = [
            row.status.set(move.status.value),
            row.timeline.set((row.timeline | []).append([event])),
            row.expires_at_epoch.set(move.expires_at_epoch or expiry_epoch(self._retention_days, since=at)),
            *_marks(move, before, rfc3339(at)),
            *_place_in_run(move, supposed, before),
        ]
        if None in before:
            actions += [row.kind.set(DeliveryRow), row.created_at.set(row.created_at | rfc3339(at))]
        if move.by_hand:
            actions.append(row.resends.remove())
        if move.resend:
            actions.append(row.resends.set(1))
        if move.provider_id:
            actions.append(row.provider_id.set(OWN_VALUE))
        if move.request_id:
            actions.append(row.request_id.set(move.request_id))
        return actions


def _marks(move: Move, before: frozenset[DeliveryStatus | None], at: str) -> list[Action]:
    """What only some states have, a reason, a lease, a call for attention: set by a move to them, and taken away by one
    from them."""
    row = DeliveryRow
    actions: list[Action] = []
    if move.reason:
        actions.append(row.reason.set(move.reason))
    elif before - {None, S.CALLING}:
        actions.append(row.reason.remove())
    if move.status is S.CALLING:
        actions += [row.owner.set(move.owner or ""), row.attempt.set(move.attempt or 1)]
        actions.append(row.lease_until.set(rfc3339(move.lease_until) if move.lease_until else at))
    elif S.CALLING in before:
        actions.append(row.lease_until.remove())
    if move.status is S.UNCERTAIN:
        actions += [row.attention.set(move.status.value), row.attention_at.set(at)]
    elif S.UNCERTAIN in before:
        actions += [row.attention.remove(), row.attention_at.remove()]
    return actions


def _place_in_run(move: Move, supposed: Supposed, before: frozenset[DeliveryStatus | None]) -> list[Action]:
    """The run that counts it, and its place among those that a resend may take."""
    row = DeliveryRow
    actions: list[Action] = []
    if supposed.run_id is None:
        return actions
    if supposed.status is None:  # else it is counted, and has its run
        actions.append(row.run_id.set(supposed.run_id))
    if fit_for_resend(move.status, move.reason):
        actions.append(row.unsent_run.set(unsent_place(supposed.run_id, move.key.notification_id)))
    elif before & UNSENT:
        actions.append(row.unsent_run.remove())
    return actions


def _event(move: Move, at: str) -> dict[str, Any]:
    event = {"at": at, "status": move.status.value, "reason": move.reason, "rule": move.rule, "attempt": move.attempt}
    return {name: value for name, value in event.items() if value is not None}


def _before(move: Move, supposed: Supposed | None = None) -> frozenset[DeliveryStatus | None]:
    """The states that a move may be made from, of those that are supposed."""
    before: frozenset[DeliveryStatus | None] = REOPENED_FROM if move.by_hand else ENTERED_FROM[move.status]
    if move.unclaimed:
        before &= {None, S.WAITING, S.QUEUED}
    if supposed is not None and supposed.run_id is not None:
        before &= UNDER_WAY if supposed.status is None else {supposed.status}
    return before


def _first_guess(move: Move) -> Supposed:
    """The likeliest: nothing is counted yet. What follows from a letter comes after its record; a person opens again
    what was counted."""
    before = _before(move)
    if move.run_id is not None and DeliveryStatus.SENT in before:
        return Supposed(move.run_id, DeliveryStatus.SENT)
    if move.run_id is None or before & UNDER_WAY:
        return Supposed(move.run_id)
    return Supposed(move.run_id, DeliveryStatus.UNCERTAIN)


def _shape(move: Move, supposed: Supposed) -> Hashable:
    """Equal for moves whose expressions differ in nothing but the provider's id."""
    place = unsent_place(supposed.run_id, move.key.notification_id) if supposed.run_id and move.status in UNSENT else ""
    alike = {**vars(move), "key": None, "provider_id": bool(move.provider_id)}  # a third of what `replace` costs
    return tuple(alike.values()), supposed, place


def _judge(
    move: Move, supposed: Supposed, reason: CancellationReason | None, refused: dict[DeliveryKey, Refusal]
) -> Supposed | None:
    """What to suppose in the next round; None where there is none for this move."""
    if reason is None or reason.code != _CONDITION_FAILED:
        return supposed  # not made, for another's sake
    found = Supposed.of(reason.raw_item or {})
    if _already_made(move, reason):
        return None
    may_be = found.status is None or found.status in _before(move)
    if found != supposed and may_be and (found.run_id is not None or supposed.run_id is None):
        return found
    refused[move.key] = _refusal(reason)
    return None


def _condition(move: Move, supposed: Supposed) -> Condition:
    before = _before(move, supposed)
    state: Condition = DeliveryRow.status.is_in(*sorted(s.value for s in before if s is not None))
    if None in before:
        state = DeliveryRow.status.does_not_exist() | state
    condition: Condition = state & _of_run(supposed.run_id)
    if supposed.reason is not None and supposed.status in UNSENT:
        condition = condition & (DeliveryRow.reason == supposed.reason)
    if move.owner is not None and move.status is not DeliveryStatus.CALLING:
        condition = condition & (DeliveryRow.owner == move.owner)
    if move.resend:
        condition = condition & DeliveryRow.resends.does_not_exist()
    return condition


def _of_run(run_id: str | None) -> Condition:
    condition: Condition = DeliveryRow.run_id.does_not_exist()
    if run_id is not None:
        condition = condition | (DeliveryRow.run_id == run_id)
    return condition


def _write_one(key: DeliveryKey, wording: Wording, tally: Tally, n: int) -> Sequence[CancellationReason | None] | None:
    updates = Updates()
    updates.add(key.notification_id, key.channel, shape=None, word=lambda: wording)
    return updates.write(tally, shard=_shard(key, n))


def _shard(key: DeliveryKey, n: int) -> int:
    return int(key.notification_id[:8], 16) + n


def _already_made(move: Move, reason: CancellationReason) -> bool:
    found = reason.raw_item or {}
    return (
        move.owner is not None
        and found.get("owner", {}).get("S") == move.owner
        and found.get("status", {}).get("S") == move.status.value
    )


def _refusal(reason: CancellationReason) -> Refusal:
    found = reason.raw_item or {}
    status = found.get("status", {}).get("S")
    lease = found.get("lease_until", {}).get("S")
    return Refusal(
        status=DeliveryStatus(status) if status else None,
        lease_until=parse_rfc3339(lease) if lease else None,
    )
