"""Tells a ledger that was restored from a backup what it has forgotten: the letters that left after the backup, from
the log of `deliver` (ADR 0058).

What the provider accepted is `sent`. A claim without an answer in the log is `uncertain`, for the provider's own event
or a person. Everything else was not sent, and is sent when its turn comes.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.deliveries import DeliveryKey, DeliveryStatus, Move
from chalicelib.pipeline.claims import ANSWERED, CLAIMED
from chalicelib.storage.ledger import Ledger

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

RESTORED = "restored"  # the reason of what nobody knows since
_BEFORE = timedelta(minutes=20)  # a claim from before the backup may have been answered after it
_LATE = timedelta(minutes=15)  # lines reach the log late


class Told(NamedTuple):
    """A claim in the log. `unsent` and `unknown` are among its letters; `answered`: the provider had answered."""

    owner: str
    letters: tuple[str, ...]
    asked_by: str | None
    run: str | None
    answered: bool = False
    unsent: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()


def claims_log(stage: str) -> str:
    """The name of the log that holds the claims."""
    return f"/aws/lambda/vestnik-{stage}-deliver"


def claims_since(logs: "CloudWatchLogsClient", group: str, *, since: datetime, until: datetime) -> list[Told]:
    """Every claim made or answered between the two. Raises: ClientError: there is no such log."""
    claims: dict[str, Told] = {}
    lines = [*_lines(logs, group, CLAIMED, since, until), *_lines(logs, group, ANSWERED, since, until)]
    for line in lines:
        owner = line["owner"]
        if line["message"] == CLAIMED:
            claims[owner] = Told(owner, tuple(line["letters"]), line.get("asked_by"), line.get("run"))
        elif owner in claims:
            unsent, unknown = frozenset(line["unsent"]), frozenset(line["unknown"])
            claims[owner] = claims[owner]._replace(answered=True, unsent=unsent, unknown=unknown)
    return list(claims.values())


def _lines(
    logs: "CloudWatchLogsClient", group: str, message: str, since: datetime, until: datetime
) -> Iterator[Mapping[str, Any]]:
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group,
        filterPattern=f'"{message}"',
        startTime=int((since - _BEFORE).timestamp() * 1000),
        endTime=int((until + _LATE).timestamp() * 1000),
    )
    for event in (event for page in pages for event in page["events"]):
        with suppress(ValueError):
            line = json.loads(event["message"])
            if isinstance(line, dict) and line.get("message") == message:
                yield line


def recollect(ledger: Ledger, claims: list[Told], *, at: datetime) -> Counter[str]:
    """How many letters the ledger was told about, by their new state. Repeating it changes nothing. Raises:
    UnavailableError (retryable)."""
    counts: Counter[str] = Counter()
    for claim in claims:
        keys = [DeliveryKey.of(one) for one in claim.letters if one not in claim.unsent]
        told = [
            Move(key, DeliveryStatus.CALLING, owner=claim.owner, lease_until=at, attempt=1,
                 request_id=claim.asked_by, run_id=claim.run)
            for key in keys
        ]  # fmt: skip
        known = ledger.move(told)
        outcomes = [_outcome(claim, key) for key in keys if key not in known]
        refused = ledger.move(outcomes)
        counts.update(move.status.value for move in outcomes if move.key not in refused)
    return counts


def _outcome(claim: Told, key: DeliveryKey) -> Move:
    if claim.answered and key.id not in claim.unknown:
        return Move(key, DeliveryStatus.SENT, owner=claim.owner, run_id=claim.run)
    return Move(key, DeliveryStatus.UNCERTAIN, RESTORED, owner=claim.owner, run_id=claim.run)
