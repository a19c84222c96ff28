"""The counters of a campaign's run: their keys, and how moves of its deliveries change them (ADR 0063).

Unfinished states (`waiting`, `queued`, `calling`) are not counted: they are what remains of the targeted deliveries.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable

from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from chalicelib.deliveries import UNDER_WAY, UNSENT, DeliveryStatus
from chalicelib.states import Engagement
from chalicelib.storage.rows.campaigns import CounterRow

ENGAGEMENTS = frozenset(Engagement) - {Engagement.DELAYED}
COUNTER_SHARDS = 16  # parallel workers seldom meet at one counter
_MARK = "#"


def counters_of(run_id: str) -> list[tuple[str, str]]:
    """The keys of a run's counters, each in its own partition: a single one could not take a fast campaign's counts."""
    return [(f"{run_id}{_MARK}{n:02}", f"{n:02}") for n in range(COUNTER_SHARDS)]


def counters_of_before(run_id: str) -> list[tuple[str, str]]:
    """The keys in an earlier release's one partition, which a run that began there still has."""
    return [(run_id, f"{n:02}") for n in range(COUNTER_SHARDS)]


def run_of_counter(key: str) -> str:
    """The run of either."""
    return key.partition(_MARK)[0]


def counted_as(status: DeliveryStatus | None, reason: str | None) -> str | None:
    """The word under which a state is counted, with the reason if it was not sent; None: not counted."""
    if status is None or status in UNDER_WAY:
        return None
    return f"{status.value}#{reason or 'unknown'}" if status in UNSENT else status.value


class RunCounters:
    """The changes of counters in one transaction."""

    def __init__(self) -> None:
        self._changes: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add(self, run_id: str, *, before: str | None, after: str | None) -> None:
        """One delivery goes from one word to another."""
        if before == after:
            return
        if before:
            self._changes[run_id][before] -= 1
        if after:
            self._changes[run_id][after] += 1

    def updates(self, *, shard: int) -> Iterable[tuple[CounterRow, list[Action]]]:
        """The counters to be written, each with its changes."""
        for run_id, changes in self._changes.items():
            actions: list[Action] = [Path([name]).add(n) for name, n in changes.items() if n]
            if actions:
                yield CounterRow(*counters_of(run_id)[shard % COUNTER_SHARDS]), actions
