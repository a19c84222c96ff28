"""What was answered to calls that name an Idempotency-Key, so that the same call again has the same answer and no
second effect.

An answer may hold addresses and secrets (a webhook's, a ticket): it is sealed with a key made of the caller's own
secret, of which the service keeps a hash alone. Whoever reads the table reads nothing; the caller, who was told it all,
does.
"""

from datetime import timedelta
from http import HTTPStatus
from typing import NamedTuple

from chalicelib.clock import Clock, new_id
from chalicelib.errors import BusyError, ConflictError, VestnikError
from chalicelib.http_errors import status_of
from chalicelib.security.sealing import SealError, seal, unseal
from chalicelib.storage.dynamodb import delete_if, find, save_if, update_if
from chalicelib.storage.rows.flow import CallRow

REMEMBERED_HOURS = 24
BUSY_SECONDS = 30  # longer than the API's function lives (.chalice/config.json): whoever is not back by then has died
LARGEST_ANSWER = 380_000  # characters as they are kept: DynamoDB takes 400 KB an item


class Turn(NamedTuple):
    """The right to do the work of a call; one process at a time has it."""

    call: str
    owner: str


class Calls:
    """The memory of one stage."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def begin(self, call: str, *, body: str) -> Turn | str:
        """The turn of whoever is to do the work, or the answer that was given. A call that failed or died may be done
        again. Raises: ConflictError (permanent: the key was used for another body), BusyError (later: it is being
        done), UnavailableError (retryable)."""
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
            raise ConflictError("this Idempotency-Key was used for another body: use a new key for a new request")
        if known is not None and known.owner == turn.owner:
            return turn  # the reply to our own write was lost, and the client asked again
        if known is None or known.answer is None:
            raise BusyError("this very call is being done: ask again", retry_after_seconds=1)
        return str(known.answer)

    def finish(self, turn: Turn, answer: str) -> None:
        """Keeps the answer, unless somebody took the call over meanwhile. Raises: UnavailableError (retryable)."""
        update_if(CallRow(turn.call), [CallRow.answer.set(answer)], CallRow.owner == turn.owner)

    def keep(self, turn: Turn, answer: str, *, secret: str) -> None:
        """Seals the answer and keeps it; one that is too large is not kept, and the call may be done again. Raises:
        UnavailableError (retryable)."""
        sealed = seal(answer, secret=secret, about=turn.call)
        if len(sealed) > LARGEST_ANSWER:
            self.give_up(turn)
        else:
            self.finish(turn, sealed)

    def let_go(self, turn: Turn, error: Exception) -> None:
        """The work ended in an error: a refusal did nothing, of anything else nobody knows. Raises: UnavailableError
        (retryable)."""
        if isinstance(error, VestnikError) and status_of(error) < HTTPStatus.INTERNAL_SERVER_ERROR:
            self.forget(turn)
        else:
            self.give_up(turn)

    def forget(self, turn: Turn) -> None:
        """Nothing was done: the key is as new. Raises: UnavailableError (retryable)."""
        delete_if(CallRow(turn.call), CallRow.owner == turn.owner)

    def give_up(self, turn: Turn) -> None:
        """Nobody knows what was done: the same call may be done again at once. Raises: UnavailableError (retryable)."""
        update_if(CallRow(turn.call), [CallRow.busy_until.set(0)], CallRow.owner == turn.owner)


def told(sealed: str, *, secret: str, call: str) -> str:
    """The answer that was kept. Raises: ConflictError (permanent): it was kept with another secret, or somebody changed
    it."""
    try:
        return unseal(sealed, secret=secret, about=call)
    except SealError as error:
        raise ConflictError("this Idempotency-Key was used with another secret") from error
