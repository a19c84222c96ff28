"""The deliveries of the ledger, and the only writer of their statuses.

Every move is a conditional write, and a failed condition is not an error but an answer: somebody was faster. A chunk is
written by one transaction (≤ 100 items); a recipient that fails its condition is dropped from the chunk, not the chunk.
The counts of a campaign's run are written in the same transaction (`run_counters.py`).
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from pynamodb.exceptions import CancellationReason

from chalicelib.clock import Clock, parse_rfc3339, rfc3339
from chalicelib.composed import Composed
from chalicelib.deliveries import DeliveryKey, DeliveryStatus, Move, S
from chalicelib.errors import UnavailableError
from chalicelib.isolation import together
from chalicelib.observability import log_failure
from chalicelib.states import Engagement
from chalicelib.storage import engagement
from chalicelib.storage.cursor import read_cursor, write_cursor
from chalicelib.storage.dynamodb import Reasons, batch_read, reaching_dynamodb
from chalicelib.storage.ledger_transaction import MAX_ROUNDS, Expected, Writes, first_guess, place_of, stands_against
from chalicelib.storage.ledger_writes import claimed, fold_of, wording
from chalicelib.storage.rows.ledger import DELIVERY_PREFIX, DeliveryRow, LedgerRow
from chalicelib.storage.values import find

# DynamoDB takes 100 items in one transaction; the counters of the runs need some of them.
TRANSACTION_MOVES = 90
_STATE = ("notification_id", "part", "status", "opened_at", "clicked_at")


class Refusal(NamedTuple):
    """Why a move was not made: the state that was found instead (None: there was no delivery)."""

    status: DeliveryStatus | None
    lease_until: datetime | None = None
    delivered: bool = False  # when it was delivered is known


class DeliveryState(NamedTuple):
    """`status` is empty if it cannot be read; `engaged`: a person has opened it, or clicked in it."""

    status: str
    engaged: bool


class Delivery(NamedTuple):
    """One delivery. Moments are RFC 3339; `timeline` is oldest first."""

    key: DeliveryKey
    status: DeliveryStatus
    reason: str | None
    attempt: int
    owner: str | None
    lease_until: str | None
    created_at: str
    resent: bool  # once, although the provider may have it
    provider_id: str | None
    attention_at: str | None
    timeline: Sequence[Mapping[str, Any]]


class Ledger(Composed):
    """Reads deliveries, and moves them."""

    clock: Clock
    retention_days: int

    def move(self, moves: Sequence[Move]) -> dict[DeliveryKey, Refusal]:
        """Makes every move that its delivery's state allows; returns the others. A move already made by the same owner
        counts as made (a lost reply of DynamoDB). An unreadable delivery stays as it is. Raises: UnavailableError
        (retryable); moves made before it stay."""
        refused: dict[DeliveryKey, Refusal] = {}
        for start in range(0, len(moves), TRANSACTION_MOVES):
            refused |= self._move_chunk(moves[start : start + TRANSACTION_MOVES])
        return refused

    def engage(
        self, key: DeliveryKey, what: Engagement, *, run_id: str | None = None, at: datetime | None = None
    ) -> bool:
        """Records the first time that a letter was opened, clicked and so on, now unless said otherwise; returns
        whether it was the first. Raises: UnavailableError (retryable)."""
        return engagement.note(key, what, at=rfc3339(at or self.clock()), run_id=run_id)

    def note_delivery(self, key: DeliveryKey, *, at: str, run_id: str | None = None) -> None:
        """Records when a letter was delivered. Idempotent. Raises: UnavailableError (retryable)."""
        engagement.note_delivery(key, at=at, run_id=run_id)

    def read(self, key: DeliveryKey) -> Delivery | None:
        """Raises: UnavailableError (retryable)."""
        row = find(DeliveryRow, *place_of(key))
        return delivery_of(row) if row else None

    def states(self, keys: Collection[DeliveryKey], *, consistent: bool = True) -> dict[DeliveryKey, DeliveryState]:
        """Those that exist; a hundred per request. Not `consistent`: as of a second ago, at half the price. Raises:
        UnavailableError (retryable)."""
        places = {place_of(key): key for key in keys}
        with reaching_dynamodb():
            items = [
                item for _, item in batch_read({DeliveryRow: list(places)}, attributes=_STATE, consistent=consistent)
            ]
        return {
            places[(item["notification_id"]["S"], item["part"]["S"])]: DeliveryState(
                item.get("status", {}).get("S", ""), "opened_at" in item or "clicked_at" in item
            )
            for item in items
        }

    def uncertain(self, *, limit: int, cursor: str | None) -> tuple[list[Delivery], str | None]:
        """A page of those that wait for a person, oldest first, and the cursor of the next. Raises: InvalidError
        (permanent), UnavailableError (retryable)."""
        start = read_cursor(cursor, scope="attention") if cursor else None
        with reaching_dynamodb():
            page = LedgerRow.by_attention.query(
                S.UNCERTAIN.value, limit=limit, page_size=limit, last_evaluated_key=start
            )
            keys = [(row.notification_id, row.part) for row in page]
            found = DeliveryRow.batch_get(keys, consistent_read=True) if keys else ()
            rows = {(row.notification_id, row.part): row for row in found}
            following = page.last_evaluated_key
        # The index follows the table after a moment: what somebody has just decided may still be in it.
        waiting = [delivery_of(rows[key]) for key in keys if key in rows and rows[key].status == S.UNCERTAIN]
        return waiting, write_cursor(following, scope="attention") if following else None

    def _move_chunk(self, moves: Sequence[Move]) -> dict[DeliveryKey, Refusal]:
        refused: dict[DeliveryKey, Refusal] = {}

        def refuse(move: Move, error: Exception) -> None:
            log_failure("move", error, delivery=move.key.id)
            refused[move.key] = Refusal(None)

        together(
            lambda some: self._move_portion([(move, first_guess(move)) for move in some], refused, n=0),
            moves,
            alone=refuse,
        )
        return refused

    def _move_portion(
        self, portion: Sequence[tuple[Move, Expected]], refused: dict[DeliveryKey, Refusal], *, n: int
    ) -> None:
        if n == MAX_ROUNDS:
            raise UnavailableError(f"the ledger was contended: {len(portion)} deliveries were not written")
        reasons = self._try(portion, n)
        if reasons is None:
            return
        left = [
            (move, again)
            for (move, expected), reason in zip(portion, reasons, strict=False)  # counters come after the moves
            if (again := _judge(move, expected, reason, refused)) is not None
        ]
        # The events of a bulk send come while it is recorded, and each that hits one delivery stops the whole
        # transaction: the smaller it is, the sooner it gets between them.
        middle = (len(left) + 1) // 2 if n else len(left)
        for part in (left[:middle], left[middle:]):
            if part:
                self._move_portion(part, refused, n=n + 1)

    def _try(self, moves: Sequence[tuple[Move, Expected]], n: int) -> Reasons | None:
        writes, at, days = Writes(), self.clock(), self.retention_days
        for move, expected in moves:
            make = partial(claimed, move, at=at, retention_days=days)
            writes.move(move, expected, make=make, word=partial(wording, move, expected, at=at, retention_days=days))
        return writes.write(moves[0][0].key, n)


def _judge(
    move: Move, expected: Expected, reason: CancellationReason | None, refused: dict[DeliveryKey, Refusal]
) -> Expected | None:
    """What to expect in the next round; None where the move is settled: made already, or refused."""
    if reason is None or not stands_against(reason):
        return expected  # not made, for another's sake
    found = Expected.of(reason.raw_item or {})
    if _already_made(move, reason):
        return None
    fold = fold_of(reason.raw_item or {}, move)
    found = found._replace(fold=fold)
    if expected.new:
        expected = expected._replace(new=False, fold=fold)
        if _status(reason) in move.states_before:
            return expected
    may_be = found.status is None or found.status in move.states_before
    if found != expected and may_be and (found.run_id is not None or expected.run_id is None):
        return found
    refused[move.key] = _refusal(reason)
    return None


def delivery_of(row: DeliveryRow) -> Delivery:
    """The value of a row."""
    return Delivery(
        key=DeliveryKey(row.notification_id, row.part.removeprefix(DELIVERY_PREFIX)),
        status=DeliveryStatus(row.status),
        reason=row.reason,
        attempt=int(row.attempt),
        owner=row.owner,
        lease_until=row.lease_until,
        created_at=row.created_at,
        resent=row.resends is not None,
        provider_id=row.provider_id,
        attention_at=row.attention_at,
        timeline=[json.loads(event) for event in row.timeline],
    )


def _already_made(move: Move, reason: CancellationReason) -> bool:
    found = reason.raw_item or {}
    return (
        move.owner is not None
        and found.get("owner", {}).get("S") == move.owner
        and found.get("status", {}).get("S") == move.status.value
    )


def _refusal(reason: CancellationReason) -> Refusal:
    lease = (reason.raw_item or {}).get("lease_until", {}).get("S")
    delivered = "delivered_at" in (reason.raw_item or {})
    return Refusal(_status(reason), parse_rfc3339(lease) if lease else None, delivered)


def _status(reason: CancellationReason) -> DeliveryStatus | None:
    text = (reason.raw_item or {}).get("status", {}).get("S")
    return DeliveryStatus(text) if text else None
