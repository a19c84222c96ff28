"""What a move changes in the counts of a campaign's run.

What is still under way (`waiting`, `queued`, `calling`) is not counted: it is what is left of the targeted ones.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from chalicelib.pipeline.statuses import DeliveryStatus
from chalicelib.pipeline.timeline import Fold
from chalicelib.storage.rows.campaigns import CounterRow

UNDER_WAY = frozenset({None, DeliveryStatus.WAITING, DeliveryStatus.QUEUED, DeliveryStatus.CALLING})
UNSENT = frozenset({DeliveryStatus.SKIPPED, DeliveryStatus.FAILED})  # certainly not sent: fit for a resend
ENGAGEMENTS = frozenset({"opened", "clicked", "machine_opened", "machine_clicked", "unsubscribed"})
_REACHED_OTHERWISE = ("reached_by_", "opened_on_", "in_digest", "duplicate")
COUNTER_SHARDS = 16  # parallel workers seldom meet in one counter
UNSENT_SHARDS = 8
_MARK = "#"


def counters_of(run_id: str) -> list[tuple[str, str]]:
    """The keys of a run's counters, each a partition of its own: one would not take what a fast campaign counts."""
    return [(f"{run_id}{_MARK}{n:02}", f"{n:02}") for n in range(COUNTER_SHARDS)]


def counters_of_before(run_id: str) -> list[tuple[str, str]]:
    """Where they were counted, all in one partition, and still are of a run that began so."""
    return [(run_id, f"{n:02}") for n in range(COUNTER_SHARDS)]


def run_of_counter(key: str) -> str:
    """The run of either."""
    return key.partition(_MARK)[0]


class Supposed(NamedTuple):
    """What a transaction takes for granted of a delivery: the run that counts it, and the state it is counted in (None:
    not yet); `new`: that there is none. Where the supposition is wrong, DynamoDB says so, and what it found instead."""

    run_id: str | None
    status: DeliveryStatus | None = None
    reason: str | None = None
    new: bool = False
    fold: Fold | None = None  # where its timeline takes no more

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> "Supposed":
        """What was found, as DynamoDB's raw item."""
        run_id, reason = item.get("run_id", {}).get("S"), item.get("reason", {}).get("S")
        text = item.get("status", {}).get("S")
        status = DeliveryStatus(text) if text else None
        return cls(run_id) if status in UNDER_WAY or run_id is None else cls(run_id, status, reason)


def word(status: DeliveryStatus | None, reason: str | None) -> str | None:
    """The word that a state is counted under; reasons are counted of what was not sent."""
    if status is None or status in UNDER_WAY:
        return None
    return f"{status.value}#{reason or 'unknown'}" if status in UNSENT else status.value


class Tally:
    """The changes of counts that one transaction makes."""

    def __init__(self) -> None:
        self._changes: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add(self, run_id: str | None, *, before: str | None, after: str | None) -> None:
        """One delivery goes from a word to another."""
        if run_id is None or before == after:
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


def fit_for_resend(status: DeliveryStatus, reason: str | None) -> bool:
    """Whether nobody got the letter: not one that its reader has by another channel."""
    return status in UNSENT and not (reason or "").startswith(_REACHED_OTHERWISE)


def run_tag(run_id: str) -> str:
    """A run's id in the characters that SES allows in a tag."""
    campaign_id, _, at = run_id.partition("@")
    return f"{campaign_id}_{at.replace(':', '-')}"


def run_of_tag(tag: str) -> str:
    """The inverse of `run_tag`."""
    campaign_id, _, at = tag.rpartition("_")
    date, _, time = at.partition("T")
    return f"{campaign_id}@{date}T{time.replace('-', ':')}"


def unsent_place(run_id: str, notification_id: str) -> str:
    """The partition of the by-unsent index for a delivery."""
    return f"{run_id}#{int(notification_id[:8], 16) % UNSENT_SHARDS}"
