"""What the runs of a campaign have brought, noted at its head, and the same of all campaigns by month. A list, a
comparison and the trends read these notes, and count nothing.

A run's `in_totals` is what the totals have of it: it is changed in the same transaction as they are, so that each
letter is in them once, whoever counts it and however often.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.service_scope import Sight
from chalicelib.storage.campaign_head import CampaignHead, changed
from chalicelib.storage.dynamodb import batch_read, reaching_dynamodb, transaction
from chalicelib.storage.rows.campaign_parts import CounterRow
from chalicelib.storage.rows.campaigns import HEAD_PART, CampaignRow, RunRow
from chalicelib.storage.runs import Run

MOST_MONTHS = 36
CAMPAIGNS, RUNS = "campaigns", "runs"  # of a month: those with a run in it, and how many
_MONTHS, _MONTH = "months", "month"


class Results(NamedTuple):
    """The counts of a campaign by word: of all runs together, and of the newest one, for which so many deliveries are
    `expected`. `waiting` is the scheduled time of a run that waits for a person, `month` the newest that counts this
    campaign."""

    total: Mapping[str, int] = {}
    newest: Mapping[str, int] = {}
    newest_at: str | None = None
    expected: int | None = None
    waiting: str | None = None
    month: str | None = None

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None) -> "Results":
        """What a head keeps; of one run only the total is stored."""
        stored = stored or {}
        total = stored.get("total", {})
        return cls(**{"newest": total, **stored, "total": total})

    def kept(self) -> dict[str, Any]:
        """As a head keeps it."""
        kept = {name: value for name, value in self._asdict().items() if value}
        if self.newest == self.total:
            kept.pop("newest", None)
        return kept

    def with_run(
        self, run: Run, counts: Mapping[str, int], *, expected: int | None, waits: bool, month: str
    ) -> "Results":
        """The same after a run was counted again."""
        waiting = run.scheduled_at if waits else None if self.waiting == run.scheduled_at else self.waiting
        total = _sum(self.total, _difference(counts, counts_in_totals(run)))
        newest, newest_at = self.newest, self.newest_at
        if newest_at is None or newest_at <= run.scheduled_at:
            newest, newest_at, self = counts, run.scheduled_at, self._replace(expected=expected)
        return self._replace(
            total=total, waiting=waiting, newest=newest, newest_at=newest_at, month=max(month, self.month or "")
        )


def counts_in_totals(run: Run) -> dict[str, int]:
    """What the totals have of a run by word."""
    return {word: n for word, n in (run.in_totals or {}).items() if word != _MONTH}


def note_results(
    head: CampaignHead,
    run: Run,
    counts: Mapping[str, int],
    *,
    expected: int | None = None,
    waits_for: str | None = None,
    month: str,
) -> bool:
    """Notes what a run has brought by now, by word, at the run, its campaign and its `month`; and of a campaign's
    newest run how many deliveries are expected, and what it waits for. False, with nothing done, if somebody else did
    so since `head` and `run` were read. Raises: UnavailableError (retryable)."""
    counts = {word: n for word, n in counts.items() if n}
    month = (run.in_totals or {}).get(_MONTH, month)
    known, in_totals = Results.of(head.results), {_MONTH: month, **counts}
    noted = known.with_run(run, counts, expected=expected, waits=waits_for is not None, month=month)
    results, waits_for = noted.kept(), waits_for or (head.waits_for if noted.waiting else None)
    if in_totals == run.in_totals and results == dict(head.results) and waits_for == head.waits_for:
        return True
    more = _difference(counts, counts_in_totals(run))
    more |= {RUNS: not run.in_totals, CAMPAIGNS: month > (known.month or "")}
    adds: list[Action] = [Path([word]).add(int(n)) for word, n in more.items() if n]

    def write(writes: TransactWrite) -> None:
        of_run, results_of = RunRow.in_totals, CampaignRow.results
        same = of_run == dict(run.in_totals) if run.in_totals else of_run.does_not_exist()
        writes.update(RunRow(run.campaign_id, run.scheduled_at), actions=[of_run.set(in_totals)], condition=same)
        waits = CampaignRow.waits_for.set(waits_for) if waits_for else CampaignRow.waits_for.remove()
        unchanged = results_of == dict(head.results) if head.results else results_of.does_not_exist()
        of_head = [results_of.set(results), waits, *changed()]
        writes.update(CampaignRow(head.id, HEAD_PART), actions=of_head, condition=unchanged)
        for place in (_MONTHS, *([_place(head.service)] if head.service else ())):
            if adds:
                writes.update(CounterRow(place, month), actions=adds)

    return transaction(write)


def read_months(months: Sequence[str], *, sight: Sight) -> list[Counter[str]]:
    """The totals of each month (`2026-11`) of all campaigns in sight; at most MOST_MONTHS, in one request. Raises:
    UnavailableError (retryable)."""
    place = _MONTHS if sight.everything else _place(sight.service or "")
    with reaching_dynamodb():
        found = batch_read({CounterRow: [(place, month) for month in months]}, consistent=False)
        counts = {item["shard"]["S"]: _counts(item) for _, item in found}
    return [counts.get(month, Counter()) for month in months]


def _place(service: str) -> str:
    return f"{_MONTHS}#{json.dumps(service)}"


def _counts(item: Mapping[str, Any]) -> Counter[str]:
    return Counter({word: int(value["N"]) for word, value in item.items() if "N" in value})


def _difference(counts: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    return {word: counts.get(word, 0) - before.get(word, 0) for word in {**counts, **before}}


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    both = {word: one.get(word, 0) + other.get(word, 0) for word in {**one, **other}}
    return {word: n for word, n in both.items() if n}
