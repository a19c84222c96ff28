"""Reads how far runs have come: what is planned, from their shards, and what became of it, from their counters."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from chalicelib.storage.dynamodb import batch_read, reaching_dynamodb
from chalicelib.storage.rows.campaigns import CounterRow, ShardRow
from chalicelib.storage.run_counters import counters_of, counters_of_before, run_of_counter
from chalicelib.storage.runs import PlannedRun
from chalicelib.storage.shards import audience_shard


class RunCounts(NamedTuple):
    """The counts of a run by word (`counted_as`), and how many deliveries are planned."""

    words: Counter[str]
    targeted: int


def read_counts(runs: Sequence[PlannedRun]) -> list[RunCounts]:
    """The counts of each run, in one request for every three. What is no number counts nothing: a damaged row hides no
    other run's. Raises: UnavailableError (retryable)."""
    counters = [key for run in runs for key in (*counters_of(run.run_id), *counters_of_before(run.run_id))]
    unfinished = [run for run in runs if run.targeted is None]
    shards = [(run.run_id, audience_shard(n)) for run in unfinished for n in range(run.shards)]
    words: defaultdict[str, Counter[str]] = defaultdict(Counter)
    planned: Counter[str] = Counter()
    with reaching_dynamodb():
        for model, item in batch_read({CounterRow: counters, ShardRow: shards}):
            numbers = {name: int(float(value["N"])) for name, value in item.items() if "N" in value}
            if model is ShardRow:
                planned[item["run_id"]["S"]] += numbers.get("targeted", 0)
            else:
                words[run_of_counter(item["run_id"]["S"])].update(numbers)
    return [RunCounts(words[run.run_id], run.targeted or planned[run.run_id] * run.channels) for run in runs]
