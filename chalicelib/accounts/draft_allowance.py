"""How often one manager or key may have unsaved work rendered, which costs the most that a call may cost (ADR 0071)."""

from chalicelib.errors import Phrase, TooManyRequestsError
from chalicelib.storage.allowances import Allowances

TIMES = 60  # as fast as a preview follows typing, for half of every minute
_MINUTES = 1


class DraftAllowance:
    """`by`: a manager's key or an API key's id."""

    def __init__(self, allowances: Allowances) -> None:
        self._allowances = allowances

    def preview(self, by: str) -> None:
        """Takes one preview. Raises: TooManyRequestsError (later), UnavailableError (retryable)."""
        self._take("preview", by)

    def check(self, by: str) -> None:
        """Takes one check of what is to be stored; previews do not use it up. Raises: as `preview`."""
        self._take("check", by)

    def _take(self, what: str, by: str) -> None:
        try:
            self._allowances.take(f"{what}#{by}", times=TIMES, minutes=_MINUTES)
        except TooManyRequestsError as error:
            seconds = error.retry_after_seconds
            if what == "preview":
                detail = Phrase(
                    "expected at most {times} previews a minute: try again in {seconds} seconds",
                    times=TIMES,
                    seconds=seconds,
                )
            else:
                detail = Phrase(
                    "expected at most {times} checks a minute: try again in {seconds} seconds",
                    times=TIMES,
                    seconds=seconds,
                )
            raise TooManyRequestsError(detail, retry_after_seconds=seconds) from None
