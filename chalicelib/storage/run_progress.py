"""Reads how far runs have come: what is planned, from their shards, and what became of it, from their chunks."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from time import monotonic
from typing import Any, NamedTuple

from chalicelib.clock import now, rfc3339
from chalicelib.states import RunOutcome
from chalicelib.storage.dynamodb import StageTable, batch_read, reaching_dynamodb, update_if
from chalicelib.storage.rows.campaign_parts import ShardRow
from chalicelib.storage.rows.campaigns import RunRow
from chalicelib.storage.run_outcomes import count_run
from chalicelib.storage.runs import PlannedRun
from chalicelib.storage.shards import audience_shard

_PLAN = ("run_id", "targeted", "canary", "done", "exhausted")  # of a shard
_NOTED = ("counted", "counted_at", "estimate", "canary_released_at", "decision", "outcome")  # of a run
LARGE = 5000  # deliveries; to count them reads some eighty kilobytes
_REUSED = 10
_recent: dict[str, tuple[float, Counter[str]]] = {}  # counts of large runs, and until when they are good


class RunNote(NamedTuple):
    """What a list needs of a run that is not read whole: when and as what its deliveries were counted last, about how
    many recipients it has, whether its held part was released, and whether it was cancelled."""

    counted_at: str
    words: Counter[str]
    estimate: int | None = None
    released: bool = False
    cancelled: bool = False


class RunCounts(NamedTuple):
    """The counts of a run by word (`counted_as`), and how many deliveries are planned: of all, and (`first`) of the
    part that goes before the rest, if there is one. `gathered`: nobody is added any more. `note`: only if asked for."""

    words: Counter[str]
    targeted: int
    gathered: bool = True
    first: int | None = None
    note: RunNote | None = None


class _Plan:
    """What is known of a run's shards, in recipients."""

    def __init__(self) -> None:
        self.recipients = self.first = self.done = 0

    def add(self, item: dict[str, Any]) -> None:
        number = {name: int(float(item.get(name, {}).get("N", 0))) for name in ("targeted", "canary")}
        self.recipients += number["targeted"]
        self.first += number["canary"]
        self.done += all(item.get(name) == {"BOOL": True} for name in ("done", "exhausted"))


def read_counts(runs: Sequence[PlannedRun], *, noted: bool = False, fresh: Collection[str] = ()) -> list[RunCounts]:
    """The counts of each run. `noted`, for a list: as each was counted last (by `tick`, or on its own page), but those
    in `fresh` as they are now. Raises: UnavailableError (retryable)."""
    plans, notes = _read(runs, noted=noted)
    targeted = {run.run_id: run.targeted or plans[run.run_id].recipients * run.channels for run in runs}
    words = {run.run_id: notes[run.run_id].words for run in runs} if noted else {}
    for run in runs:
        if not noted or run.run_id in fresh:
            words[run.run_id] = _counted(run, targeted[run.run_id])
            if run.targeted is not None and targeted[run.run_id] > LARGE:
                note_counts(run, words[run.run_id])
    return [_counts(run, words[run.run_id], targeted[run.run_id], plans, notes) for run in runs]


def _counts(
    run: PlannedRun, words: Counter[str], targeted: int, plans: Mapping[str, _Plan], notes: Mapping[str, RunNote]
) -> RunCounts:
    plan, over = plans[run.run_id], run.targeted is not None
    first = plan.first * run.channels or None
    return RunCounts(words, targeted, over or plan.done == run.shards, first, notes.get(run.run_id))


def _read(runs: Sequence[PlannedRun], *, noted: bool) -> tuple[dict[str, _Plan], dict[str, RunNote]]:
    """In one request what is planned of runs that are not over, and what is noted of each."""
    plans = {run.run_id: _Plan() for run in runs}
    notes = {run.run_id: RunNote("", Counter()) for run in runs} if noted else {}
    wanted: dict[type[StageTable], list[tuple[str, ...]]] = {
        ShardRow: [(run.run_id, audience_shard(n)) for run in runs if run.targeted is None for n in range(run.shards)],
        RunRow: [_key(run) for run in runs] if noted else [],
    }
    wanted = {table: keys for table, keys in wanted.items() if keys}
    with reaching_dynamodb():
        for table, item in batch_read(wanted, attributes=(*_PLAN, *_NOTED)) if wanted else ():
            if table is ShardRow:
                plans[item["run_id"]["S"]].add(item)
            else:
                notes[item["run_id"]["S"]] = _noted(item)
    return plans, notes


def _noted(item: dict[str, Any]) -> RunNote:
    return RunNote(
        item.get("counted_at", {}).get("S", ""),
        Counter(json.loads(item["counted"]["S"])) if "counted" in item else Counter(),
        int(float(item["estimate"]["N"])) if "estimate" in item else None,
        "canary_released_at" in item or "decision" in item,
        item.get("outcome") == {"S": RunOutcome.CANCELLED},
    )


def _counted(run: PlannedRun, targeted: int) -> Counter[str]:
    """The counts of a run as of now; those of a large one are good for ten times as long as it took to count them, as
    its page asks every two seconds."""
    until, words = _recent.get(run.run_id, (0.0, Counter[str]()))
    began = monotonic()
    if targeted > LARGE and began < until:
        return words
    words = count_run(run.run_id, homes=run.homes or 1)
    if not run.homes:
        from chalicelib.storage.last_release import counts_of_last_release

        words += counts_of_last_release(run.run_id)
    if targeted > LARGE:
        _recent[run.run_id] = (began + _REUSED * (monotonic() - began), words)
    return words


def note_counts(run: PlannedRun, words: Counter[str]) -> None:
    """Keeps the counts of a run that is over. Raises: UnavailableError (retryable)."""
    campaign_id, scheduled_at = _key(run)
    actions = [RunRow.counted.set(dict(words)), RunRow.counted_at.set(rfc3339(now()))]
    update_if(RunRow(campaign_id, scheduled_at), actions, RunRow.campaign_id.exists())


def _key(run: PlannedRun) -> tuple[str, str]:
    return run.run_id.partition("@")[0], run.scheduled_at
