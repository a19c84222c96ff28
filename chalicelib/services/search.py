"""Walks down the ledger's index by day: what was asked for within a span of time, a day (UTC) at a time. Called by
`history.py`."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import NamedTuple

from chalicelib.clock import parse_rfc3339, rfc3339
from chalicelib.errors import InvalidError, Phrase
from chalicelib.storage.rows.ledger import LedgerRow, NotificationRow, day_shards

MAX_DAYS = 31
_LOOKED_AT = 25  # of each of a day's shards: a hundred in all
_MARK = "#"  # in the place of a row, behind its moment; a bare moment is the end of what is left


class Span(NamedTuple):
    """From a moment to before another; at most MAX_DAYS long."""

    since: datetime
    until: datetime

    @classmethod
    def of(cls, since: datetime | None, until: datetime | None, *, now: datetime) -> "Span":
        """Without an end it ends now, without a beginning it is a day long. Raises: InvalidError (permanent; names the
        field)."""
        end = until or now
        begin = since or end - timedelta(days=1)
        if begin >= end:
            raise InvalidError.of("until" if until else "since", Phrase("expected a beginning before the end"))
        if end - begin > timedelta(days=MAX_DAYS):
            raise InvalidError.of("since", Phrase("expected at most {days} days before the end", days=MAX_DAYS))
        return cls(begin, end)


def newest(span: Span, place: str | None) -> tuple[list[NotificationRow], str | None]:
    """The next ones down from a place (None: from the end of the span), all of one day, and the place to go on from
    (None: there are no more). At most four requests, side by side. Raises: InvalidError (permanent: no such place)."""
    lower, until = rfc3339(span.since), rfc3339(span.until)
    before = until if place is None else min(place, until)
    day = min(_last_day(until), _last_day(until if place is None else place))
    if before <= lower or day < span.since.astimezone(UTC).date():
        return [], None
    shards = day_shards(f"{day}")
    with ThreadPoolExecutor(len(shards)) as pool:  # they answer side by side
        pages = list(pool.map(partial(_of_shard, lower=max(lower, _midnight(day)), before=before), shards))
    return _merged(pages, nothing_left=None if lower >= _midnight(day) else _midnight(day))


def _merged(
    pages: Sequence[tuple[list[NotificationRow], bool]], *, nothing_left: str | None
) -> tuple[list[NotificationRow], str | None]:
    found: list[NotificationRow] = []
    reached = ""
    for rows, more in pages:
        found += rows
        if more:  # below its last there may be more in this shard, which come before others' rows
            reached = max(reached, str(rows[-1].place))
    newest_first = sorted((row for row in found if str(row.place) >= reached), key=_place, reverse=True)
    return newest_first, reached or nothing_left


def _of_shard(shard: str, *, lower: str, before: str) -> tuple[list[NotificationRow], bool]:
    """The newest of one shard between two places, and whether there are more."""
    # BETWEEN takes both ends in, and only one condition may be set on a key: what was seen before is dropped here.
    between = NotificationRow.place.between(lower, before)
    page = LedgerRow.by_day.query(shard, between, scan_index_forward=False, limit=_LOOKED_AT, page_size=_LOOKED_AT)
    rows = [row for row in page if isinstance(row, NotificationRow) and row.place != before]
    return rows, bool(page.last_evaluated_key)


def _last_day(before: str) -> date:
    """The day of the last moment before a place."""
    moment, mark, _ = before.partition(_MARK)
    try:
        at = parse_rfc3339(moment)
        return (at if mark else at - timedelta(microseconds=1)).astimezone(UTC).date()
    except (ValueError, OverflowError) as error:
        raise InvalidError.of("cursor", Phrase("expected the cursor of an earlier answer of this list")) from error


def _midnight(day: date) -> str:
    return rfc3339(datetime.combine(day, time(), UTC))


def _place(row: NotificationRow) -> str:
    return str(row.place)
