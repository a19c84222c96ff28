"""What was sent when: a line for each finished run, by its scheduled time, for the calendar. The runs themselves are
kept by campaign."""

import json
from datetime import datetime
from typing import Any, NamedTuple

from pynamodb.expressions.operand import Path

from chalicelib.deliveries import time_name
from chalicelib.isolation import each
from chalicelib.observability import log_failure
from chalicelib.storage.dynamodb import reaching_dynamodb, update_if
from chalicelib.storage.rows.campaign_parts import CounterRow
from chalicelib.storage.values import raw_query

MOST_READ = 1000
_LINE = "line"


class SentRun(NamedTuple):
    """A finished run: deliveries, as they were when it ended. `local`: the wall time (`2026-12-04T18:00`) on each
    reader's own clock, where that counted."""

    campaign_id: str
    scheduled_at: str
    name: str
    category: str
    targeted: int
    sent: int
    cancelled: bool
    resend: bool
    local: str | None = None
    service: str | None = None
    created_by: str | None = None


def note_sent_run(run: SentRun) -> None:
    """Writes its line; idempotent. Raises: UnavailableError (retryable)."""
    row = CounterRow(_year(run.scheduled_at), f"{run.scheduled_at}#{run.campaign_id}")
    update_if(row, [Path([_LINE]).set(json.dumps(run._asdict(), ensure_ascii=False))], None)


def sent_runs(begin: datetime, end: datetime) -> list[SentRun]:
    """Those that were scheduled from a moment to before another, oldest first, at most MOST_READ of a year; a damaged
    one is logged, and missing. Raises: UnavailableError (retryable)."""
    first, last = time_name(begin), time_name(end)
    found: list[dict[str, Any]] = []
    with reaching_dynamodb():
        for year in dict.fromkeys((_year(first), _year(last))):
            found += raw_query(CounterRow, year, CounterRow.shard.between(first, last), most=MOST_READ)
    return each(_read, found, alone=lambda item, error: log_failure("a sent run", error, line=item["shard"]["S"]))


def _read(item: dict[str, Any]) -> SentRun:
    line = json.loads(item[_LINE]["S"])
    return SentRun(**{name: value for name, value in line.items() if name in SentRun._fields})


def _year(scheduled_at: str) -> str:
    return f"sent#{scheduled_at[:4]}"
