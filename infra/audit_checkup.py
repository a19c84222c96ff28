"""Whether somebody has rewritten the audit: compares its table with the log, to which the writing function may add but
which it cannot change (ADR 0070)."""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from chalicelib.clock import now, parse_rfc3339, rfc3339
from chalicelib.settings import Settings
from chalicelib.storage.audit import WITNESS
from infra.audit_trail import OLDER, Item, Span, Told, disagreements, spot_of
from infra.checkup import Finding

DAYS = 7
_SLICE = timedelta(hours=6)  # of the log, for one question
_PATIENCE_SECONDS = 90
_LATE = timedelta(minutes=2)  # by then a log line has arrived
_LONGEST_ACT = timedelta(minutes=5)  # far longer than Lambda lets a function run
_NEVER = datetime(2000, 1, 1, tzinfo=UTC)
_NAMED = 3  # lines of one kind that are listed
_REMEDY = "see `The audit was rewritten` in docs/operations.md; keep the table and the log as they are"


class AuditCheckup:
    """A live stage's audit, seen with the credentials and endpoint of the environment."""

    def __init__(self, settings: Settings, *, days: int = DAYS) -> None:
        self._table, self._group = settings.resource("audit"), f"/aws/lambda/{settings.resource('')}".rstrip("-")
        self._days = days
        self._told_at = time.monotonic()

    def check(self) -> Iterator[Finding]:
        """Is every line of the last days as its writer logged it?"""
        until = now()
        told, since = self._log(until)  # before the table: what the log has is in the table by now
        items = self._lines(since - _LONGEST_ACT)
        bare = any(spot_of(item) is None for item in items)
        chained = self._chained_since(told, since) if bare else ""
        span = Span(rfc3339(since), rfc3339(until - _LATE), rfc3339(now()), chained)
        for wrong, lines in sorted(disagreements(items, told, span).items()):
            names = ", ".join(lines[:_NAMED])
            said = f"{len(lines)} {wrong}: {names}{', …' if len(lines) > _NAMED else ''}"
            yield Finding(said, _REMEDY, unknown=wrong == OLDER)
        if since > until - timedelta(days=self._days):
            wrong = f"older lines than of {since:%Y-%m-%d %H:%M} UTC were not looked at: the log took too long"
            yield Finding(wrong, f"look at fewer days: --audit-days (now {self._days})", unknown=True)

    def _log(self, until: datetime) -> tuple[list[Told], datetime]:
        """What the log says, newest first, and from when on. Raises: ClientError."""
        ends, oldest, patience = until, until - timedelta(days=self._days), time.monotonic() + _PATIENCE_SECONDS
        told: list[Told] = []
        while ends > oldest and time.monotonic() < patience:
            begins = max(oldest, ends - _SLICE)
            for page in self._pages(begins, ends):
                told += page
                self._say(f"the log from {begins:%Y-%m-%d %H:%M} on, {len(told)} lines")
            ends = begins
        return told, ends

    def _chained_since(self, told: Sequence[Told], since: datetime) -> str:
        """From when on every line had a chain: once the log first mentions one and functions of the previous version
        have ended. If that is not found in time, based on what has been read. Raises: ClientError."""
        patience = time.monotonic() + _PATIENCE_SECONDS
        first = min((one.at for one in told), default=rfc3339(now()))
        for page in self._pages(_NEVER, since):
            if page or time.monotonic() > patience:
                first = min((one.at for one in page), default=first)
                break
            self._say("the log from its beginning on")
        return rfc3339(parse_rfc3339(first) + _LONGEST_ACT)

    def _pages(self, begins: datetime, ends: datetime) -> Iterator[list[Told]]:
        """What the log says, oldest first, in pages that may be empty. Raises: ClientError."""
        for page in (
            boto3.client("logs")
            .get_paginator("filter_log_events")
            .paginate(
                logGroupName=self._group,
                filterPattern=f'"{WITNESS}"',
                startTime=_milliseconds(begins),
                endTime=_milliseconds(ends),
            )
        ):
            yield [one for event in page["events"] if (one := _told(event)) is not None]

    def _lines(self, since: datetime) -> list[Item]:
        """Raises: ClientError."""
        found: list[Item] = []
        for month in months(since, now() + _LATE):
            pages = boto3.client("dynamodb").get_paginator("query")
            for page in pages.paginate(
                TableName=self._table,
                KeyConditionExpression="#month = :month AND place >= :since",
                ExpressionAttributeNames={"#month": "month"},
                ExpressionAttributeValues={":month": {"S": month}, ":since": {"S": rfc3339(since)}},
                ConsistentRead=True,
            ):
                found += page["Items"]
                self._say(f"the table, {len(found)} lines")
        return found

    def _say(self, what: str) -> None:
        if time.monotonic() - self._told_at > 1:
            self._told_at = time.monotonic()
            print(f"       audit: {what}", file=sys.stderr, flush=True)


def _told(event: Mapping[str, Any]) -> Told | None:
    """One of our lines; None for anything else."""
    with suppress(ValueError, KeyError, TypeError, OverflowError, RecursionError):  # anything may stand in a log
        line: dict[str, Any] = json.loads(event["message"])
        at = rfc3339(datetime.fromtimestamp(event["timestamp"] / 1000, UTC))
        if line["message"] == WITNESS:
            return Told(str(line["chain"]), int(line["number"]), str(line["digest"]), bool(line["sure"]), at)
    return None


def months(since: datetime, until: datetime) -> Iterator[str]:
    """The months of all moments between two."""
    month = since.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while month <= until:
        yield f"{month:%Y-%m}"
        month = (month + timedelta(days=32)).replace(day=1)


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
