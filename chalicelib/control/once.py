"""What the forms of the admin page have done: the same form sent again (a double click, a page sent again) does nothing
and goes where the first one went. Its rows lie beside the sessions, and end by themselves.
"""

import hashlib
import time
from collections.abc import Callable
from datetime import timedelta

from chalicelib.clock import Clock, rfc3339
from chalicelib.errors import ConflictError
from chalicelib.storage.base import delete_if, find, save_if
from chalicelib.storage.managers import SessionRow

REMEMBERED = timedelta(hours=1)
_LEASE = timedelta(seconds=60)  # whoever has not ended by then has died: Lambda gives an answer 30 s
_LOOKS, _BETWEEN_SECONDS = 40, 0.25


class Once:
    """The forms of one stage. `wait` waits for so many seconds."""

    def __init__(self, *, clock: Clock, wait: Callable[[float], None] = time.sleep) -> None:
        self._clock = clock
        self._wait = wait

    def begin(self, *parts: str, by: str) -> "Doing | str":
        """`parts` say which form it is and what it holds. Answers what to end when it is done, or where the same form
        went before; waits up to 10 s for one that is being done. Raises: ConflictError (permanent: it is still being
        done), UnavailableError (retryable)."""
        key = hashlib.sha256("\n".join(("form", *parts)).encode()).hexdigest()
        for _ in range(_LOOKS):
            at = self._clock()
            row = SessionRow(key, manager=by, began_at=rfc3339(at), expires_at_epoch=int((at + _LEASE).timestamp()))
            over = SessionRow.expires_at_epoch <= int(at.timestamp())
            if save_if(row, SessionRow.id_hash.does_not_exist() | over):
                return Doing(row, clock=self._clock)
            before = find(SessionRow, key)
            if before is not None and before.went is not None:
                return before.went
            self._wait(_BETWEEN_SECONDS)
        raise ConflictError("the same form is being done: look again in a minute")


class Doing:
    """A form that is being done by this process."""

    def __init__(self, row: SessionRow, *, clock: Clock) -> None:
        self._row = row
        self._clock = clock

    def done(self, went: str) -> None:
        """It was done; whoever sends it again goes to `went`. Raises: UnavailableError (retryable)."""
        self._row.went = went
        self._row.expires_at_epoch = int((self._clock() + REMEMBERED).timestamp())
        save_if(self._row, SessionRow.id_hash.exists())

    def undone(self) -> None:
        """Nothing was done: it may be sent again. Raises: UnavailableError (retryable)."""
        delete_if(self._row, SessionRow.went.does_not_exist())
