"""Answers to calls with an Idempotency-Key: a repeated call gets the same answer and has no second effect.

An answer may hold addresses and secrets (a webhook's, a ticket), so it is sealed with a key derived from the caller's
own secret, of which the service stores only a hash. Reading the table reveals nothing (ADR 0053).
"""

import json
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from chalicelib.errors import BusyError, ConflictError, Phrase, VestnikError
from chalicelib.http_errors import status_of
from chalicelib.observability import aside
from chalicelib.security.sealing import SealError, seal, unseal
from chalicelib.storage.calls import RecordedCalls, Turn

_BETWEEN_SECONDS = 0.25  # two looks whether the first such call has been answered
LARGEST_ANSWER = 380_000  # characters, sealed: DynamoDB takes 400 KB an item


class IdempotentCalls(RecordedCalls):
    """Calls whose answers are sealed."""

    def once(
        self, call: str, make: Callable[[], dict[str, Any]], *, body: str, secret: str, looks: int = 1
    ) -> tuple[dict[str, Any], bool]:
        """What `make` answers to this call, or has answered before, and whether it was before. A refusal did nothing
        and is not remembered; after a failure the call may be repeated. Waits for the same call while it is being done,
        for so many `looks`. Raises: ConflictError (permanent: another body), BusyError (later), UnavailableError
        (retryable), and whatever `make` raises."""
        turn = self._turn(call, body, looks)
        if isinstance(turn, str):
            return json.loads(told(turn, secret=secret, call=call)), True
        try:
            answer = make()
        except Exception as error:
            with aside("call"):
                self.let_go(turn, error)
            raise
        with aside("call"):
            self.keep(turn, json.dumps(answer), secret=secret)  # only batches and previews return too much
        return answer, False

    def _turn(self, call: str, body: str, looks: int) -> Turn | str:
        for _ in range(looks - 1):
            try:
                return self.begin(call, body=body)
            except BusyError:
                time.sleep(_BETWEEN_SECONDS)
        return self.begin(call, body=body)

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
