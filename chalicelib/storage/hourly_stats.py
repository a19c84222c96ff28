"""How many letters each hour saw. The workers add a whole batch's results by one write, `tick` what has come of a run
since its last look; the managers' pages draw it.

It is a picture, not the books: a batch whose write fails, or that runs twice, is missing or doubled here. The books are
the ledger and the counters of campaigns (ADR 0063).
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from chalicelib.clock import Clock, parse_rfc3339, rfc3339
from chalicelib.errors import UnavailableError
from chalicelib.observability import Waited, logger
from chalicelib.storage.dynamodb import batch_read, reaching_dynamodb
from chalicelib.storage.rows.campaign_parts import CounterRow

# 24 rows a day each. Every batch of every worker adds to one of them, which takes no more than 1,000 writes a second.
PLACES = ("hours", "hours#1", "hours#2", "hours#3")
WORDS = ("sent", "failed", "skipped", "delivered", "bounced", "complained")
_WAITED = "waited#"
_TOLD_EVERY = timedelta(seconds=10)  # by each process; with a count to write, an age goes along
# What the workers' lines say, in the words of the picture; the skipped ones of enrich name their reasons.
_SAID = {"delivery": "delivered", "bounce": "bounced", "complaint": "complained"}


class Wait(NamedTuple):
    """How long the oldest message had waited when a queue was last taken from."""

    seconds: float
    at: datetime


class Hour(NamedTuple):
    """One hour in UTC with its counts by word."""

    begins: datetime
    counts: Mapping[str, int] = {}
    waits: Mapping[str, "Wait"] = {}  # by queue, the last of the hour

    def count(self, word: str) -> int:
        """0 where nothing was counted."""
        return self.counts.get(word, 0)


class HourlyStats:
    """Hourly counts. `place`: in which of PLACES this process counts."""

    def __init__(self, *, clock: Clock, place: int = 0) -> None:
        self._clock = clock
        self._place = PLACES[place % len(PLACES)]
        self._told: dict[str, datetime] = {}

    def add(self, said: Mapping[str, int], waited: Waited | None = None) -> None:
        """Adds the counts of a worker's line, and how long its messages had waited; never fails."""
        counts: dict[str, int] = {}
        for name, n in said.items():
            word = _SAID.get(name, name.partition("_")[0])
            if word in WORDS and n:
                counts[word] = counts.get(word, 0) + n
        actions: list[Action] = [Path([word]).add(n) for word, n in counts.items()]
        if waited is not None and (actions or self._is_news(waited.queue)):
            self._told[waited.queue] = self._clock()
            actions.append(Path([_WAITED + waited.queue]).set(f"{waited.seconds:.1f} {rfc3339(self._clock())}"))
        if not actions:
            return
        try:
            with reaching_dynamodb():
                CounterRow(self._place, _name(self._clock())).update(actions)
        except UnavailableError as error:
            logger().warning("hours not counted", error=error.detail)

    def _is_news(self, queue: str) -> bool:
        """Whether an age alone is worth a write."""
        told = self._told.get(queue)
        return told is None or self._clock() - told >= _TOLD_EVERY

    def newest(self, hours: int) -> Sequence[Hour]:
        """The latest ones, oldest first, the current one included; one request. Raises: UnavailableError
        (retryable)."""
        last = self._clock().astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        begins = [last - timedelta(hours=back) for back in reversed(range(hours))]
        wanted = [(place, _name(at)) for at in begins for place in PLACES]
        found: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
        with reaching_dynamodb():
            for _, item in batch_read({CounterRow: wanted}):
                found[item["shard"]["S"]].append(item)
        return [_hour(at, found[_name(at)]) for at in begins]


def _name(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H}"


def _hour(at: datetime, items: Sequence[Mapping[str, Any]]) -> Hour:
    counts: Counter[str] = Counter()
    waits: dict[str, Wait] = {}
    for item in items:
        counts.update({word: int(item[word]["N"]) for word in WORDS if word in item})
        for name, value in item.items():
            if name.startswith(_WAITED):
                seconds, _, moment = value["S"].partition(" ")
                wait, queue = Wait(float(seconds), parse_rfc3339(moment)), name.removeprefix(_WAITED)
                waits[queue] = max(wait, waits.get(queue, wait), key=lambda one: one.at)
    return Hour(at, counts, waits)
