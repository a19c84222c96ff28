"""How often somebody may do something: a count in a window of time, one atomic write."""

from datetime import UTC, datetime, timedelta

from chalicelib.clock import Clock
from chalicelib.errors import Phrase, TooManyRequestsError
from chalicelib.storage.dynamodb import reaching_dynamodb, update_if
from chalicelib.storage.rows.links import AllowanceRow
from chalicelib.storage.rows.live import GuestCountRow

_KEPT = timedelta(days=1)


class Allowances:
    """Counts in the table of allowances."""

    _row: type[AllowanceRow] = AllowanceRow

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def take(self, name: str, *, times: int, minutes: int) -> str:
        """Uses one of `times` in the present window of `minutes`; returns what `give_back` takes. Raises:
        TooManyRequestsError (later, with the seconds to the next window), UnavailableError (retryable)."""
        at = self._clock()
        began, ends = _window(at, timedelta(minutes=minutes))
        row = self._row(f"{name}#{began:%Y-%m-%dT%H:%M:%SZ}")
        count, expires_at = self._row.used, int((ends + _KEPT).timestamp())
        actions = [count.add(1), self._row.expires_at_epoch.set(expires_at)]
        if update_if(row, actions, count.does_not_exist() | (count < times)):
            return str(row.name)
        seconds = max(1, round((ends - at).total_seconds()))
        raise TooManyRequestsError(
            Phrase("expected at most {times} in {minutes} minutes", times=times, minutes=minutes),
            retry_after_seconds=seconds,
        )

    def give_back(self, taken: str) -> None:
        """Uncounts one. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            self._row(taken).update(actions=[self._row.used.add(-1)])


class GuestAllowances(Allowances):
    """Counts in the live side's table of people: its handlers may not reach the other table."""

    _row = GuestCountRow


def _window(at: datetime, length: timedelta) -> tuple[datetime, datetime]:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    began = at - (at - epoch) % length
    return began, began + length
