"""What campaigns brought in each month: from the notes of their runs (`storage.campaign_results`)."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from chalicelib.campaigns.rates import Counts, rates_of
from chalicelib.campaigns.run_results import month_of
from chalicelib.service_scope import EVERYTHING, Sight
from chalicelib.storage.campaign_results import MOST_MONTHS, read_months

__all__ = ["MOST_MONTHS", "Month", "trend"]


class Month(NamedTuple):
    """A month of the stage's zone (`2026-11`): letters belong to that in which their run began. `counts` by word, also
    of `campaigns` and `runs`; rates from 0 to 1."""

    month: str
    counts: Counts
    rates: Mapping[str, float | None]


def trend(*, at: datetime, zone: str, months: int, sight: Sight = EVERYTHING) -> list[Month]:
    """The newest months, oldest first, from the first in which something was sent. Raises: UnavailableError
    (retryable)."""
    year, month = map(int, month_of(at, zone).split("-"))
    last = 12 * year + month - 1
    names = [f"{n // 12:04}-{n % 12 + 1:02}" for n in range(last - months + 1, last + 1)]
    found = [
        Month(name, counts, rates_of(counts))
        for name, counts in zip(names, read_months(names, sight=sight), strict=True)
    ]
    first = next((n for n, one in enumerate(found) if one.counts.get("sent")), len(found))
    return found[first:]
