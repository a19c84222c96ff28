"""How many letters each hour saw. The workers add what came of a whole batch by one write, `tick` what has come of a
run since it last looked; the managers' page draws it.

It is a picture, not the books: a batch whose write fails, or that is worked off twice, is missing or seen twice here.
The books are the ledger and the counts of campaigns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from chalicelib.clock import Clock, parse_rfc3339, rfc3339
from chalicelib.errors import UnavailableError
from chalicelib.observability import Waited, logger
from chalicelib.storage.base import reaching_dynamodb
from chalicelib.storage.campaigns import CounterRow

PLACE = "hours"  # one partition: 24 rows a day
WORDS = ("sent", "failed", "skipped", "delivered", "bounced", "complained")
_WAITED = "waited#"
_TOLD_EVERY = timedelta(seconds=10)  # by each process; with a count to write, an age goes along
# What the workers' lines say, in the words of the picture; the skipped ones of enrich name their reasons.
_SAID = {"delivery": "delivered", "bounce": "bounced", "complaint": "complained"}


class Wait(NamedTuple):
    """How long the oldest message had waited when a queue was last taken from."""

    seconds: float
    at: datetime


@dataclass(frozen=True)
class Hour:
    """One hour in UTC with its counts by word."""

    begins: datetime
    counts: Mapping[str, int] = field(default_factory=dict)
    waits: Mapping[str, "Wait"] = field(default_factory=dict)  # by queue, the last of the hour

    def count(self, word: str) -> int:
        """0 where nothing was counted."""
        return self.counts.get(word, 0)


class Hours:
    """The hours of one stage."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._told: dict[str, datetime] = {}

    def add(self, said: Mapping[str, int], waited: Waited | None = None) -> None:
        """Adds what a worker's line says, and how long its messages had waited; never fails."""
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
                CounterRow(PLACE, _name(self._clock())).update(actions)
        except UnavailableError as error:
            logger().warning("hours not counted", error=error.detail)

    def _is_news(self, queue: str) -> bool:
        """Whether an age alone is worth a write."""
        told = self._told.get(queue)
        return told is None or self._clock() - told >= _TOLD_EVERY

    def newest(self, hours: int) -> Sequence[Hour]:
        """The last ones, oldest first, the present one among them; one request. Raises: UnavailableError
        (retryable)."""
        last = self._clock().astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        begins = [last - timedelta(hours=back) for back in reversed(range(hours))]
        with reaching_dynamodb():
            answer: dict[str, Any] = CounterRow._get_connection().query(
                PLACE, range_key_condition=CounterRow.shard >= _name(begins[0])
            )
        found = {item["shard"]["S"]: item for item in answer["Items"]}
        return [_hour(at, found.get(_name(at), {})) for at in begins]


def _name(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H}"


def _hour(at: datetime, item: Mapping[str, Any]) -> Hour:
    waits = {}
    for name, value in item.items():
        if name.startswith(_WAITED):
            seconds, _, moment = value["S"].partition(" ")
            waits[name.removeprefix(_WAITED)] = Wait(float(seconds), parse_rfc3339(moment))
    return Hour(at, {word: int(item[word]["N"]) for word in WORDS if word in item}, waits)
