"""The only writer of deliveries' statuses.

Every move is a conditional write, and a move whose condition fails is not an error but an answer: somebody was there
before. A chunk is written by one transaction (≤ 100 items); a recipient that fails its condition is dropped from the
chunk, not the chunk. The counts of a campaign's run are written in the same transaction (`run_counters.py`).
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from pynamodb.exceptions import CancellationReason

from chalicelib.clock import Clock, parse_rfc3339, rfc3339
from chalicelib.errors import InvalidError, UnavailableError
from chalicelib.isolation import together
from chalicelib.observability import log_failure
from chalicelib.pipeline.engagement import Engagement, Item, Rewording, delivering, engaging
from chalicelib.pipeline.run_counters import Supposed, Tally, word
from chalicelib.pipeline.statuses import DeliveryStatus, S
from chalicelib.pipeline.timeline import fold_of
from chalicelib.pipeline.transaction import Wording, Writes
from chalicelib.pipeline.transition_writes import claimed, of_run, wording
from chalicelib.pipeline.transitions import DeliveryKey, Move, first_guess, shape, states_before
from chalicelib.storage.dynamodb import Reasons, batch_read, reaching_dynamodb
from chalicelib.storage.rows.ledger import DeliveryRow, delivery_part

# DynamoDB takes 100 items in one transaction; the counters of the runs need some of them.
TRANSACTION_MOVES = 90
_ACCEPTED = {S.SENT, S.DELIVERED, S.BOUNCED, S.COMPLAINED}
_CONDITION_FAILED = "ConditionalCheckFailed"
# DynamoDB, "TransactWriteItems": the reasons that may be none the next time.
_PASSING = frozenset({"TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError", "AccessDenied"})
_MISSHAPEN = "a delivery is not of the shape that is expected"
_MAX_ROUNDS = 12  # every round drops or corrects what failed and halves the rest: 90 are single ones after eight


class Refusal(NamedTuple):
    """Why a move was not made: the state that was found instead (None: there was no delivery)."""

    status: DeliveryStatus | None
    lease_until: datetime | None = None
    delivered: bool = False  # when it was delivered is known


class Ledger:
    """The deliveries of one stage."""

    def __init__(self, *, clock: Clock, retention_days: int) -> None:
        self._clock = clock
        self._retention_days = retention_days

    def move(self, moves: Sequence[Move]) -> dict[DeliveryKey, Refusal]:
        """Makes every move that its delivery's state allows; answers the others. A move that was already made by the
        same owner counts as made (a lost reply of DynamoDB). A delivery that cannot be read stays as it is. Raises:
        UnavailableError (retryable); moves made before it stay."""
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

    def engage(
        self, key: DeliveryKey, what: Engagement, *, run_id: str | None = None, at: datetime | None = None
    ) -> bool:
        """Notes the first time that something happened which is no status, now unless said otherwise; says whether it
        was the first. What a person seems to have done before the delivery is noted as a machine's. Raises:
        UnavailableError (retryable)."""
        engaged = engaging(what, at=rfc3339(at or self._clock()))
        return self._write_until(key, engaged, run_id)

    def note_delivery(self, key: DeliveryKey, *, at: str, run_id: str | None = None) -> None:
        """Notes when a delivery was, and judges by it what was taken for a person's. Repeating it changes nothing.
        Raises: UnavailableError (retryable)."""
        self._write_until(key, delivering(at), run_id)

    def _write_until(self, key: DeliveryKey, word: Rewording, run_id: str | None) -> bool:
        """Words a change by what was found, until it is made or not needed any more."""
        found = self._read(key)  # most are told again, and a read costs a fifth of a transaction that is refused
        run_id = Supposed.of(found).run_id if found else run_id
        for n in range(_MAX_ROUNDS):
            worded = word(found)
            if worded is None:
                return False
            tally = Tally()
            for before, after in worded.counts:
                tally.add(run_id, before=before, after=after)
            condition = DeliveryRow.status.exists() & worded.condition & of_run(run_id)
            reasons = _write_one(key, (worded.actions, condition), tally, n)
            if reasons is None:
                return worded.news
            if reasons[0] is None or not _stands_against(reasons[0]):
                continue
            supposed, found = found, reasons[0].raw_item or {}
            if not found:
                return False  # there is no such delivery
            if found == supposed:  # it was worded by what is there, and nobody has changed that
                raise InvalidError(_MISSHAPEN)
            run_id = Supposed.of(found).run_id
        raise UnavailableError("the ledger was contended: an event was not written")

    def _read(self, key: DeliveryKey) -> Item:
        with reaching_dynamodb():
            found = batch_read({DeliveryRow: [(key.notification_id, delivery_part(key.channel))]})
            return next((item for _, item in found), {})

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

    def _try(self, moves: Sequence[tuple[Move, Supposed]], n: int) -> Reasons | None:
        tally, writes, at, days = Tally(), Writes(), self._clock(), self._retention_days
        for move, supposed in moves:
            before = word(supposed.status, supposed.reason)
            tally.add(supposed.run_id, before=before, after=word(move.status, move.reason))
            alike = shape(move, supposed)
            if supposed.new:
                writes.put(*move.key, shape=alike, make=partial(claimed, move, at=at, retention_days=days))
            else:
                worded = partial(wording, move, supposed, at=at, retention_days=days)
                writes.update(*move.key, shape=alike, word=worded, own_value=move.provider_id, own_moment=move.told_at)
        return writes.write(tally, shard=_shard(moves[0][0].key, n))


def _judge(
    move: Move, supposed: Supposed, reason: CancellationReason | None, refused: dict[DeliveryKey, Refusal]
) -> Supposed | None:
    """What to suppose in the next round; None where there is none for this move."""
    if reason is None or not _stands_against(reason):
        return supposed  # not made, for another's sake
    found = Supposed.of(reason.raw_item or {})
    if _already_made(move, reason):
        return None
    fold = fold_of(reason.raw_item or {}, move.status, move.reason)
    found = found._replace(fold=fold)
    if supposed.new:
        supposed = supposed._replace(new=False, fold=fold)
        if _status(reason) in states_before(move):
            return supposed
    may_be = found.status is None or found.status in states_before(move)
    if found != supposed and may_be and (found.run_id is not None or supposed.run_id is None):
        return found
    refused[move.key] = _refusal(reason)
    return None


def _stands_against(reason: CancellationReason) -> bool:
    """Whether the condition did not hold. Raises: InvalidError (permanent): the delivery can never be changed so."""
    if reason.code == _CONDITION_FAILED:
        return True
    if reason.code not in _PASSING:
        raise InvalidError(_MISSHAPEN)
    return False


def _write_one(key: DeliveryKey, worded: Wording, tally: Tally, n: int) -> Reasons | None:
    writes = Writes()
    writes.update(*key, shape=None, word=lambda: worded)
    return writes.write(tally, shard=_shard(key, n))


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
    lease = (reason.raw_item or {}).get("lease_until", {}).get("S")
    delivered = "delivered_at" in (reason.raw_item or {})
    return Refusal(_status(reason), parse_rfc3339(lease) if lease else None, delivered)


def _status(reason: CancellationReason) -> DeliveryStatus | None:
    text = (reason.raw_item or {}).get("status", {}).get("S")
    return DeliveryStatus(text) if text else None
