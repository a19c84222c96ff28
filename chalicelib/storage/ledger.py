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
from chalicelib.deliveries import DeliveryKey, DeliveryStatus, Move, S
from chalicelib.errors import InvalidError, UnavailableError
from chalicelib.isolation import together
from chalicelib.observability import log_failure
from chalicelib.storage.dynamodb import Reasons, batch_read, reaching_dynamodb
from chalicelib.storage.engagement import Engagement, Reworded, Rewording, delivering, engaging
from chalicelib.storage.ledger_transaction import Expected, Item, Writes, first_guess
from chalicelib.storage.ledger_writes import claimed, fold_of, of_run, wording
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
        run_id = Expected.of(found).run_id if found else run_id
        for n in range(_MAX_ROUNDS):
            worded = word(found)
            if worded is None:
                return False
            reasons = _write_one(key, worded, run_id, n)
            if reasons is None:
                return worded.news
            if reasons[0] is None or not _stands_against(reasons[0]):
                continue
            before, found = found, reasons[0].raw_item or {}
            if not found:
                return False  # there is no such delivery
            if found == before:  # it was worded by what is there, and nobody has changed that
                raise InvalidError(_MISSHAPEN)
            run_id = Expected.of(found).run_id
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
        self, portion: Sequence[tuple[Move, Expected]], refused: dict[DeliveryKey, Refusal], *, n: int
    ) -> None:
        if n == _MAX_ROUNDS:
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
        writes, at, days = Writes(), self._clock(), self._retention_days
        for move, expected in moves:
            make = partial(claimed, move, at=at, retention_days=days)
            writes.move(move, expected, make=make, word=partial(wording, move, expected, at=at, retention_days=days))
        return writes.write(shard=_shard(moves[0][0].key, n))


def _judge(
    move: Move, expected: Expected, reason: CancellationReason | None, refused: dict[DeliveryKey, Refusal]
) -> Expected | None:
    """What to expect in the next round; None where the move is settled: made already, or refused."""
    if reason is None or not _stands_against(reason):
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


def _stands_against(reason: CancellationReason) -> bool:
    """Whether the condition did not hold. Raises: InvalidError (permanent): the delivery can never be changed so."""
    if reason.code == _CONDITION_FAILED:
        return True
    if reason.code not in _PASSING:
        raise InvalidError(_MISSHAPEN)
    return False


def _write_one(key: DeliveryKey, worded: Reworded, run_id: str | None, n: int) -> Reasons | None:
    writes = Writes()
    for before, after in worded.counts if run_id is not None else ():
        writes.count(run_id or "", before, after)
    writes.change(key, (worded.actions, DeliveryRow.status.exists() & worded.condition & of_run(run_id)))
    return writes.write(shard=_shard(key, n))


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
