"""Tells a ledger that was restored from a backup what it has forgotten: the letters that left after the backup, from
the log of `deliver` (ADR 0058).

What the provider accepted is `sent`. A claim without an answer in the log is `uncertain`, for the provider's own event
or a person. Everything else was not sent, and is sent when its turn comes.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.clock import expiry_epoch
from chalicelib.deliveries import OWN_CHUNK, DeliveryKey, DeliveryStatus, Move, Spot
from chalicelib.pipeline.claims import ANSWERED, CLAIMED
from chalicelib.pipeline.requests import ENLISTED
from chalicelib.storage.chunk_letters import spots_in_run
from chalicelib.storage.enlisting import enlist_bare
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
    spots: tuple[str | None, ...]
    asked_by: str | None
    run: str | None
    answered: bool = False
    unsent: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()


class Enlisted(NamedTuple):
    """Letters of a run, which have their places since."""

    run: str
    asked_by: str | None
    spots: Mapping[str, Spot]  # by notification id


def claims_log(stage: str) -> str:
    """The name of the log that holds the claims."""
    return f"/aws/lambda/vestnik-{stage}-deliver"


def enlisted_log(stage: str) -> str:
    """The name of the log that holds the places of a run's letters."""
    return f"/aws/lambda/vestnik-{stage}-enrich"


def enlisted_since(logs: "CloudWatchLogsClient", group: str, *, since: datetime, until: datetime) -> list[Enlisted]:
    """All letters of runs that got their places between the two. Raises: ClientError: there is no such log."""
    found = []
    for line in _lines(logs, group, ENLISTED, since, until):
        spots = {one: Spot.of(spot, one) for one, spot in zip(line["letters"], line["spots"], strict=True) if spot}
        found.append(Enlisted(line["run"], line.get("asked_by"), spots))
    return found


def claims_since(logs: "CloudWatchLogsClient", group: str, *, since: datetime, until: datetime) -> list[Told]:
    """Every claim made or answered between the two. Raises: ClientError: there is no such log."""
    claims: dict[str, Told] = {}
    lines = [*_lines(logs, group, CLAIMED, since, until), *_lines(logs, group, ANSWERED, since, until)]
    for line in lines:
        owner = line["owner"]
        if line["message"] == CLAIMED:
            letters = tuple(line["letters"])
            spots = tuple(line.get("spots") or [None] * len(letters))  # the last release has told none
            claims[owner] = Told(owner, letters, spots, line.get("asked_by"), line.get("run"))
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


def recollect(ledger: Ledger, claims: Sequence[Told], enlisted: Sequence[Enlisted], *, at: datetime) -> Counter[str]:
    """How many letters the ledger was told about, by their new state. Repeating it changes nothing. Raises:
    UnavailableError (retryable)."""
    counts: Counter[str] = Counter()
    known = _enlisted(claims, enlisted, at=at, expires=expiry_epoch(ledger.retention_days, since=at))
    for claim in claims:
        letters = zip(claim.letters, claim.spots, strict=True)
        found = (DeliveryKey.of(one, spot) for one, spot in letters if one not in claim.unsent)
        keys = [key._replace(spot=known.get(key.notification_id, key.spot)) for key in found]
        told = [Move(key, DeliveryStatus.CALLING, owner=claim.owner, lease_until=at, attempt=1) for key in keys]
        refused = ledger.move(told)
        outcomes = [_outcome(claim, key) for key in keys if key not in refused]
        refused = ledger.move(outcomes)
        counts.update(move.status.value for move in outcomes if move.key not in refused)
    return counts


def _enlisted(
    claims: Sequence[Told], enlisted: Sequence[Enlisted], *, at: datetime, expires: int
) -> dict[str, str | None]:
    """Where the outcomes are of letters that travel in chunks. Each gets a row that says so, those that were not sent
    too, and those that wait in queues: whoever sends them comes to the same place, in whatever chunk."""
    together: defaultdict[tuple[str | None, str | None], dict[str, Spot]] = defaultdict(dict)
    for some in enlisted:
        for one, spot in some.spots.items():
            together[some.run, some.asked_by].setdefault(one, spot)
    for claim in claims:
        for one, spot in _spots(claim).items():
            together[claim.run, claim.asked_by].setdefault(one, spot)
    found: dict[str, str | None] = {}
    for (run, asked_by), spots in together.items():
        found |= enlist_bare(spots, run_id=run, request_id=asked_by, at=at, expires=expires)
    return found


def _spots(claim: Told) -> dict[str, Spot]:
    ids = [DeliveryKey.of(one).notification_id for one in claim.letters]
    told = {one: Spot.of(spot, one) for one, spot in zip(ids, claim.spots, strict=True) if spot}
    # Of the last release's letters the rows may know better.
    given = spots_in_run(claim.run, [one for one in ids if one not in told]) if claim.run else {}
    return {one: spot for one, spot in {**given, **told}.items() if spot.chunk != OWN_CHUNK}


def _outcome(claim: Told, key: DeliveryKey) -> Move:
    if claim.answered and key.id not in claim.unknown:
        return Move(key, DeliveryStatus.SENT, owner=claim.owner)
    return Move(key, DeliveryStatus.UNCERTAIN, RESTORED, owner=claim.owner)
