"""Answers to calls with an Idempotency-Key: a repeated call gets the same answer and has no second effect.

An answer may hold addresses and secrets (a webhook's, a ticket), so it is sealed with a key derived from the caller's
own secret, of which the service stores only a hash. Reading the table reveals nothing (ADR 0053).
"""

from http import HTTPStatus

from chalicelib.errors import ConflictError, Phrase, VestnikError
from chalicelib.http_errors import status_of
from chalicelib.security.sealing import SealError, seal, unseal
from chalicelib.storage.calls import RecordedCalls, Turn

LARGEST_ANSWER = 380_000  # characters, sealed: DynamoDB takes 400 KB an item


class Calls(RecordedCalls):
    """Calls whose answers are sealed."""

    def keep(self, turn: Turn, answer: str, *, secret: str) -> None:
        """Seals and stores the answer; one that is too large is not stored, and the call may be executed again. Raises:
        UnavailableError (retryable)."""
        sealed = seal(answer, secret=secret, about=turn.call)
        if len(sealed) > LARGEST_ANSWER:
            self.give_up(turn)
        else:
            self.finish(turn, sealed)

    def let_go(self, turn: Turn, error: Exception) -> None:
        """After an error: a refusal did nothing; the effect of anything else is unknown. Raises: UnavailableError
        (retryable)."""
        refused = isinstance(error, VestnikError) and status_of(error) < HTTPStatus.INTERNAL_SERVER_ERROR
        (self.forget if refused else self.give_up)(turn)


def told(sealed: str, *, secret: str, call: str) -> str:
    """The stored answer. Raises: ConflictError (permanent): it was stored with another secret, or changed."""
    try:
        return unseal(sealed, secret=secret, about=call)
    except SealError as error:
        raise ConflictError(Phrase("this Idempotency-Key was used with another secret")) from error
