"""How often one person may ask for something: a count in a window of time, one atomic write. Asked by
`services/confirmation.py`, for sign-ins that fail by `accounts/managers.py`, and for the chat's guests by
`live/guests.py`.
"""

from datetime import UTC, datetime, timedelta

from pynamodb.expressions.update import Action

from chalicelib.clock import Clock
from chalicelib.errors import TooManyRequestsError
from chalicelib.storage.dynamodb import reaching_dynamodb, update_if
from chalicelib.storage.rows.links import AllowanceRow

_KEPT = timedelta(days=1)


class Allowances:
    """The allowances of one stage."""

    def __init__(self, *, clock: Clock, row: type[AllowanceRow] = AllowanceRow) -> None:
        self._clock = clock
        self._row = row

    def take(self, name: str, *, times: int, minutes: int) -> str:
        """Uses one of `times` in the present window of `minutes`; answers what `give_back` asks for. Raises:
        TooManyRequestsError (later, with the seconds to the next window), UnavailableError (retryable)."""
        at = self._clock()
        began, ends = _window(at, timedelta(minutes=minutes))
        row = self._row(f"{name}#{began:%Y-%m-%dT%H:%M:%SZ}")
        actions: list[Action] = [
            self._row.used.add(1),
            self._row.expires_at_epoch.set(int((ends + _KEPT).timestamp())),
        ]
        if update_if(row, actions, self._row.used.does_not_exist() | (self._row.used < times)):
            return str(row.name)
        seconds = max(1, round((ends - at).total_seconds()))
        raise TooManyRequestsError(f"expected at most {times} in {minutes} minutes", retry_after_seconds=seconds)

    def give_back(self, taken: str) -> None:
        """What was taken is as if it had never been. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            self._row(taken).update(actions=[self._row.used.add(-1)])


def _window(at: datetime, length: timedelta) -> tuple[datetime, datetime]:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    began = at - (at - epoch) % length
    return began, began + length
