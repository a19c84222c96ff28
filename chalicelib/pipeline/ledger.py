"""The only writer of deliveries' statuses. Called by `enrich`, `deliver`, `feedback` and the cancel call.

Every move is a conditional write, and a move whose condition fails is not an error but an answer: somebody was there
before. A chunk is written by one transaction (≤ 100 items); a recipient that fails its condition is dropped from the
chunk, not the chunk.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pynamodb.exceptions import CancellationReason, TransactWriteError, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.clock import Clock, parse_rfc3339, rfc3339
from chalicelib.errors import UnavailableError
from chalicelib.pipeline.statuses import ENTERED_FROM, REOPENED_FROM, DeliveryStatus
from chalicelib.storage.base import condition_failed, expiry_epoch, reaching_dynamodb
from chalicelib.storage.ledger import DeliveryRow, LedgerRow, delivery_part

TRANSACTION_ITEMS = 100  # DynamoDB: items in one transaction
_CONDITION_FAILED = "ConditionalCheckFailed"
_MAX_ROUNDS = 5  # every round drops what failed its condition; conflicts with a parallel transaction pass

Engagement = Literal["opened", "clicked", "delayed"]


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
    whose claim was taken over changes nothing. `note` goes into the timeline; it must hold nothing personal.
    """

    key: DeliveryKey
    status: DeliveryStatus
    reason: str | None = None
    owner: str | None = None
    lease_until: datetime | None = None
    provider_id: str | None = None
    attempt: int | None = None
    request_id: str | None = None
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
        for start in range(0, len(moves), TRANSACTION_ITEMS):
            refused |= self._move_chunk(moves[start : start + TRANSACTION_ITEMS])
        return refused

    def engage(self, key: DeliveryKey, what: Engagement) -> bool:
        """Notes the first time that something happened which is no status; says whether it was the first. Raises:
        UnavailableError (retryable)."""
        at = rfc3339(self._clock())
        moment = {
            "opened": DeliveryRow.opened_at,
            "clicked": DeliveryRow.clicked_at,
            "delayed": DeliveryRow.delayed_at,
        }[what]
        row = DeliveryRow(key.notification_id, delivery_part(key.channel))
        event = json.dumps({"at": at, "event": what}, separators=(",", ":"))
        with reaching_dynamodb():
            try:
                row.update(
                    actions=[moment.set(at), DeliveryRow.timeline.set(DeliveryRow.timeline.append([event]))],
                    condition=DeliveryRow.status.exists() & moment.does_not_exist(),
                )
            except UpdateError as error:
                if not condition_failed(error):
                    raise
                return False
        return True

    def _move_chunk(self, moves: Sequence[Move]) -> dict[DeliveryKey, Refusal]:
        refused: dict[DeliveryKey, Refusal] = {}
        left = list(moves)
        for _ in range(_MAX_ROUNDS):
            if not left:
                return refused
            reasons = self._transact(left)
            if reasons is None:
                return refused
            for move, reason in zip(list(left), reasons, strict=True):
                if reason is None or reason.code != _CONDITION_FAILED:
                    continue  # not made, for another's sake: once more in the next round
                left.remove(move)
                if not _already_made(move, reason):
                    refused[move.key] = _refusal(reason)
        if left:
            raise UnavailableError(f"the ledger was contended: {len(left)} deliveries were not written")
        return refused

    def _transact(self, moves: Sequence[Move]) -> Sequence[CancellationReason | None] | None:
        """None where the transaction was made; else the reason of each item."""
        connection = LedgerRow._get_connection().connection
        with reaching_dynamodb():
            try:
                with TransactWrite(connection=connection) as transaction:
                    for move in moves:
                        row = DeliveryRow(move.key.notification_id, delivery_part(move.key.channel))
                        transaction.update(
                            row,
                            actions=self._actions(move),
                            condition=_condition(move),
                            return_values="ALL_OLD",
                        )
            except TransactWriteError as error:
                if not error.cancellation_reasons:
                    raise
                return error.cancellation_reasons
        return None

    def _actions(self, move: Move) -> list[Action]:
        at = self._clock()
        row = DeliveryRow
        event = json.dumps(_event(move, rfc3339(at)), separators=(",", ":"))
        actions: list[Action] = [
            row.status.set(move.status.value),
            row.kind.set(DeliveryRow),
            row.created_at.set(row.created_at | rfc3339(at)),
            row.timeline.set((row.timeline | []).append([event])),
            row.expires_at_epoch.set(move.expires_at_epoch or expiry_epoch(self._retention_days, since=at)),
            row.reason.set(move.reason) if move.reason else row.reason.remove(),
        ]
        if move.status is DeliveryStatus.CALLING:
            actions += [row.owner.set(move.owner or ""), row.attempt.set(move.attempt or 1)]
            actions.append(row.lease_until.set(rfc3339(move.lease_until or at)))
        else:
            actions.append(row.lease_until.remove())
        if move.status is DeliveryStatus.UNCERTAIN:
            actions += [row.attention.set(move.status.value), row.attention_at.set(rfc3339(at))]
        else:
            actions += [row.attention.remove(), row.attention_at.remove()]
        if move.by_hand:
            actions.append(row.resends.remove())
        if move.resend:
            actions.append(row.resends.set(1))
        if move.provider_id:
            actions.append(row.provider_id.set(move.provider_id))
        if move.request_id:
            actions.append(row.request_id.set(move.request_id))
        return actions


def _event(move: Move, at: str) -> dict[str, Any]:
    event = {"at": at, "status": move.status.value, "reason": move.reason, "attempt": move.attempt}
    return {name: value for name, value in event.items() if value is not None}


def _condition(move: Move) -> Condition:
    before = REOPENED_FROM if move.by_hand else ENTERED_FROM[move.status]
    if move.unclaimed:
        before &= {None, DeliveryStatus.QUEUED}
    condition: Condition = DeliveryRow.status.is_in(*sorted(s.value for s in before if s is not None))
    if None in before:
        condition = DeliveryRow.status.does_not_exist() | condition
    if move.owner is not None and move.status is not DeliveryStatus.CALLING:
        condition = condition & (DeliveryRow.owner == move.owner)
    if move.resend:
        condition = condition & DeliveryRow.resends.does_not_exist()
    return condition


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
