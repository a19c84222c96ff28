"""An allowance that is used up, whichever minute it is when the test looks."""

from contextlib import suppress
from datetime import timedelta
from typing import Literal

from chalicelib.clock import now
from chalicelib.errors import TooManyRequestsError
from chalicelib.services.template_changes import TIMES, DraftAllowance
from chalicelib.storage.allowances import Allowances


def use_up(what: Literal["preview", "check", "links"], by: str) -> None:
    """All that somebody has in this minute and in the next."""
    began = now()
    for minute in range(2):
        drafts = DraftAllowance(Allowances(clock=lambda at=began + timedelta(minutes=minute): at))  # type: ignore[misc]
        with suppress(TooManyRequestsError):
            for _ in range(TIMES + 1):
                getattr(drafts, what)(by)
