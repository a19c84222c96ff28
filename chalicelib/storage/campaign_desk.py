"""What the list of campaigns shows of each. A process reads all of it once, a request for some two thousand, and from
then on only what has changed: to search, sort and count ten thousand campaigns costs one small request."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from threading import Lock
from typing import Any, NamedTuple

from chalicelib.clock import now, parse_rfc3339, rfc3339
from chalicelib.service_scope import Sight
from chalicelib.states import OVER
from chalicelib.storage.campaign_results import Results
from chalicelib.storage.dynamodb import dynamodb, reaching_dynamodb
from chalicelib.storage.rows.campaigns import GONE_PART, ONE, CampaignRow

LOOK_BACK = timedelta(seconds=20)  # an index lags behind, and the clocks of two machines differ
WHOLE_EVERY_SECONDS = 600.0  # so long may be wrong what the last release changes beside us


class DeskEntry(NamedTuple):
    """A campaign as the list has it; `note` is how its own begins."""

    id: str
    state: str
    name: str
    template: str
    note: str
    created_at: str
    created_by: str | None = None
    service: str | None = None
    tags: Sequence[str] = ()
    archived_at: str | None = None
    next_run_at: str | None = None
    waits_for: str | None = None
    results: Results = Results()

    @property
    def decides(self) -> str | None:
        """What it waits for a person to decide (`states.Decision`)."""
        return self.waits_for if self.state not in OVER else None

    @property
    def author(self) -> str:
        """The name of the service or of the manager; of a key that belongs to neither, its id."""
        return self.service or (self.created_by or "").removeprefix("manager:")


class CampaignDesk:
    """Every method raises: UnavailableError (retryable). `monotonic` is in seconds."""

    def __init__(self, *, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = Lock()
        self._known: dict[str, tuple[str, DeskEntry]] = {}  # by id, with when it changed
        self._newest = ""
        self._whole_until = 0.0

    def entries(self, *, sight: Sight) -> list[DeskEntry]:
        """All in sight, in no order."""
        with self._lock:
            self._catch_up()
            return [one for _, one in self._known.values() if sight.has(one.service, by=one.created_by)]

    def _catch_up(self) -> None:
        whole = self._monotonic() >= self._whole_until
        known = {} if whole else self._known
        began, newest = self._monotonic(), "" if whole else self._newest
        for item in listed_since("" if whole else self._since()):
            id_, at = item["id"]["S"], item["changed_at"]["S"]
            newest = max(newest, at)
            if item["part"]["S"] == GONE_PART:
                known.pop(id_, None)
            elif id_ not in known or known[id_][0] != at:
                known[id_] = (at, _entry(item))
        if whole:
            self._whole_until = began + WHOLE_EVERY_SECONDS
        self._known, self._newest = known, newest

    def _since(self) -> str:
        # Whoever's clock is ahead does not hide what others write meanwhile.
        return rfc3339(parse_rfc3339(min(self._newest, rfc3339(now()))) - LOOK_BACK) if self._newest else ""


def listed_since(at: str) -> Iterator[dict[str, Any]]:
    """Raw items of the list that have changed since, the longest unchanged first."""
    query: dict[str, Any] = {
        "TableName": CampaignRow._get_connection().table_name,
        "IndexName": "by-change",
        "KeyConditionExpression": "desk = :one AND changed_at > :at" if at else "desk = :one",
        "ExpressionAttributeValues": {":one": {"S": ONE}, **({":at": {"S": at}} if at else {})},
    }
    while True:
        with reaching_dynamodb():
            answer = dynamodb().dispatch("Query", query)
        yield from answer["Items"]
        if not (following := answer.get("LastEvaluatedKey")):
            return
        query["ExclusiveStartKey"] = following


def _entry(item: Mapping[str, Any]) -> DeskEntry:
    def text(name: str) -> str | None:
        value: str | None = item.get(name, {}).get("S")
        return value

    def parsed(name: str) -> Any:
        return json.loads(text(name) or "null")

    about = parsed("about") or {}
    return DeskEntry(
        id=item["id"]["S"],
        state=text("state") or "",
        name=about.get("name", ""),
        template=about.get("template", ""),
        note=about.get("note", ""),
        created_at=text("created_at") or "",
        created_by=text("created_by"),
        service=text("service"),
        tags=tuple(parsed("tags") or ()),
        archived_at=text("archived_at"),
        next_run_at=text("next_run_at"),
        waits_for=text("waits_for"),
        results=Results.of(parsed("results")),
    )
