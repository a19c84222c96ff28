"""Brings campaigns that the last release wrote into the list's index, and their finished runs into the totals: some
each minute, the oldest first, until all are there. It also finds what that release writes while both run."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from pynamodb.expressions.operand import Path

from chalicelib.clock import Clock, parse_rfc3339, rfc3339
from chalicelib.isolation import each
from chalicelib.observability import Line, log_failure
from chalicelib.storage.campaign_head import about_of, changed
from chalicelib.storage.campaigns import LISTED
from chalicelib.storage.dynamodb import batch_read, reaching_dynamodb, update_if
from chalicelib.storage.rows.campaign_parts import CounterRow
from chalicelib.storage.rows.campaigns import HEAD_PART, ONE, CampaignRow, RunRow
from chalicelib.storage.values import raw_query

_PLACE = ("backfill", LISTED)
_UNTIL = "until"
_FIRST = "2000-01-01T00:00:00.000000Z"
_STEP = 50
_BACK = timedelta(hours=1)  # a release that is being replaced writes beside us
_NOTED_EVERY = timedelta(minutes=10)


class CampaignBackfill:
    """Every method raises: UnavailableError (retryable: the next minute goes on)."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._until: str | None = None  # campaigns created by then are done
        self._stored = _FIRST

    def tick(self) -> Line:
        """A step."""
        until = self._until if self._until is not None else _noted()
        with reaching_dynamodb():
            page = CampaignRow.by_creation.query(LISTED, CampaignRow.created_at > until, limit=_STEP, page_size=_STEP)
            found = [(row.id, row.created_at) for row in page]
        done = each(
            self._complete,
            _old_ones([id_ for id_, _ in found]),
            alone=lambda item, error: log_failure("backfill", error, campaign=item["id"]["S"]),
        )
        if found:
            self._note(until, min(found[-1][1] or "", rfc3339(self._clock() - _BACK)))
        return Line(counts={"campaigns_listed": len(done)})

    def _complete(self, item: dict[str, Any]) -> None:
        row = CampaignRow.from_raw_data(item)
        self._recount_runs(row.id)
        listed = [CampaignRow.about.set(about_of(row.spec)), *changed()]
        update_if(CampaignRow(row.id, HEAD_PART), listed, CampaignRow.version == row.version)

    def _recount_runs(self, campaign_id: str) -> None:
        """First: whoever is in the list is done."""
        with reaching_dynamodb():
            keys = [item["scheduled_at"]["S"] for item in raw_query(RunRow, campaign_id) if _is_uncounted(item)]
        for at in keys:
            due = [RunRow.recount.set(ONE), RunRow.recount_at.set(rfc3339(self._clock()))]
            update_if(RunRow(campaign_id, at), due, RunRow.outcome.exists() & RunRow.in_totals.does_not_exist())

    def _note(self, before: str, until: str) -> None:
        self._until = max(before, until)
        if parse_rfc3339(self._until) - parse_rfc3339(self._stored) >= _NOTED_EVERY:
            self._stored = self._until
            with reaching_dynamodb():
                CounterRow(*_PLACE).update(actions=[Path([_UNTIL]).set(self._until)])


def _noted() -> str:
    with reaching_dynamodb():
        found = [item for _, item in batch_read({CounterRow: [_PLACE]})]
    return str(found[0][_UNTIL]["S"]) if found else _FIRST


def _old_ones(ids: Sequence[str]) -> list[dict[str, Any]]:
    """Raw heads that are in no list yet."""
    keys = [(id_, HEAD_PART) for id_ in ids]
    with reaching_dynamodb():
        shown = batch_read({CampaignRow: keys}, attributes=("id", "part", "version", "spec", "desk")) if ids else ()
        return [item for _, item in shown if "desk" not in item]


def _is_uncounted(item: dict[str, Any]) -> bool:
    return "outcome" in item and "in_totals" not in item and "recount" not in item
