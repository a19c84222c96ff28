"""Reads how far runs have come: what is planned, from their shards, and what became of it, from their chunks."""

import json
from collections import Counter
from collections.abc import Sequence
from time import monotonic
from typing import NamedTuple

from chalicelib.clock import now, rfc3339
from chalicelib.storage.dynamodb import batch_read, reaching_dynamodb, update_if
from chalicelib.storage.rows.campaigns import RunRow, ShardRow
from chalicelib.storage.run_outcomes import count_run
from chalicelib.storage.runs import PlannedRun
from chalicelib.storage.shards import audience_shard

_NOTED = ("run_id", "counted", "counted_at")
LARGE = 5000  # deliveries; to count them reads some eighty kilobytes
_REUSED = 10
_recent: dict[str, tuple[float, Counter[str]]] = {}  # counts of large runs, and until when they are good


class _Note(NamedTuple):
    at: str
    words: Counter[str]


class RunCounts(NamedTuple):
    """The counts of a run by word (`counted_as`), and how many deliveries are planned."""

    words: Counter[str]
    targeted: int


def read_counts(runs: Sequence[PlannedRun], *, noted: bool = False) -> list[RunCounts]:
    """The counts of each run. `noted`, for a list: as each was counted last, and the one of them that was counted
    the longest ago as it is now; large ones are counted by `tick` and on their own page. Raises:
    UnavailableError (retryable)."""
    targeted = _targeted(runs)
    notes = _notes(runs) if noted else {}
    small = [run.run_id for run in runs if targeted[run.run_id] <= LARGE]
    oldest = min(small, key=lambda one: notes[one].at, default=None) if noted else None
    words = {run.run_id: notes[run.run_id].words for run in runs} if noted else {}
    for run in runs:
        if not noted or run.run_id == oldest:
            words[run.run_id] = _counted(run, targeted[run.run_id])
            if noted or (run.targeted is not None and targeted[run.run_id] > LARGE):
                _note(run, words[run.run_id])
    return [RunCounts(words[run.run_id], targeted[run.run_id]) for run in runs]


def _targeted(runs: Sequence[PlannedRun]) -> dict[str, int]:
    unfinished = [run for run in runs if run.targeted is None]
    shards = [(run.run_id, audience_shard(n)) for run in unfinished for n in range(run.shards)]
    planned: Counter[str] = Counter()
    with reaching_dynamodb():
        for _, item in batch_read({ShardRow: shards}) if shards else ():
            planned[item["run_id"]["S"]] += int(float(item.get("targeted", {}).get("N", 0)))
    return {run.run_id: run.targeted or planned[run.run_id] * run.channels for run in runs}


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


def _notes(runs: Sequence[PlannedRun]) -> dict[str, _Note]:
    """What each was counted at last; of one that never was, nothing."""
    notes = {run.run_id: _Note("", Counter()) for run in runs}
    keys = [_key(run) for run in runs]
    with reaching_dynamodb():
        for _, item in batch_read({RunRow: keys}, attributes=_NOTED, consistent=False) if keys else ():
            if "counted" in item:
                at = item.get("counted_at", {}).get("S", "")
                notes[item["run_id"]["S"]] = _Note(at, Counter(json.loads(item["counted"]["S"])))
    return notes


def _note(run: PlannedRun, words: Counter[str]) -> None:
    campaign_id, scheduled_at = _key(run)
    actions = [RunRow.counted.set(dict(words)), RunRow.counted_at.set(rfc3339(now()))]
    update_if(RunRow(campaign_id, scheduled_at), actions, RunRow.campaign_id.exists())


def _key(run: PlannedRun) -> tuple[str, str]:
    return run.run_id.partition("@")[0], run.scheduled_at
