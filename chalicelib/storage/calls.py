"""Calls with an Idempotency-Key: who is working on each, and its answer."""

from datetime import timedelta
from typing import NamedTuple

from chalicelib.clock import Clock, new_id
from chalicelib.errors import BusyError, ConflictError, Phrase
from chalicelib.storage.dynamodb import delete_if, save_if, update_if
from chalicelib.storage.rows.flow import CallRow
from chalicelib.storage.values import find

REMEMBERED_HOURS = 24
BUSY_SECONDS = 30  # longer than the API's function lives (.chalice/config.json): by then the worker has died


class Turn(NamedTuple):
    """The right to do the work of a call; one process at a time has it."""

    call: str
    owner: str


class RecordedCalls:
    """Calls of the last day. Each method raises UnavailableError (retryable)."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def begin(self, call: str, *, body: str) -> Turn | str:
        """The turn to do the work, or the answer that was given. A call that failed or died may be executed again.
        Raises: ConflictError (permanent: the key was used for another body), BusyError (later: it is being
        executed)."""
        at, turn = self._clock(), Turn(call, new_id())
        row = CallRow(
            call,
            body=body,
            owner=turn.owner,
            busy_until=at.timestamp() + BUSY_SECONDS,
            expires_at_epoch=int((at + timedelta(hours=REMEMBERED_HOURS)).timestamp()),
        )
        unfinished = CallRow.answer.does_not_exist() & (CallRow.busy_until <= at.timestamp()) & (CallRow.body == body)
        forgotten = CallRow.expires_at_epoch <= at.timestamp()  # TTL deletes late
        if save_if(row, CallRow.call.does_not_exist() | forgotten | unfinished):
            return turn
        known = find(CallRow, call)
        if known is not None and known.body != body:
            raise ConflictError(
                Phrase("this Idempotency-Key was used for another body: use a new key for a new request")
            )
        if known is not None and known.owner == turn.owner:
            return turn  # the reply to our own write was lost, and the client asked again
        if known is None or known.answer is None:
            raise BusyError(Phrase("this call is still in progress: try again"), retry_after_seconds=1)
        return str(known.answer)

    def finish(self, turn: Turn, answer: str) -> None:
        """Stores the answer, unless somebody took the call over meanwhile."""
        update_if(CallRow(turn.call), [CallRow.answer.set(answer)], CallRow.owner == turn.owner)

    def forget(self, turn: Turn) -> None:
        """Nothing was done: the key is unused again."""
        delete_if(CallRow(turn.call), CallRow.owner == turn.owner)

    def give_up(self, turn: Turn) -> None:
        """The effect is unknown: the same call may be repeated at once."""
        update_if(CallRow(turn.call), [CallRow.busy_until.set(0)], CallRow.owner == turn.owner)
