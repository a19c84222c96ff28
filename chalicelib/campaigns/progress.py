"""How far a run has come: what was planned, from its shards, and what became of it, from the counters that the ledger
writes with every move (`pipeline/tally.py`). Called by the API and by the generator, which closes what is finished."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from chalicelib.campaigns.jobs import AUDIENCE
from chalicelib.storage.base import reaching_dynamodb
from chalicelib.storage.campaigns import CounterRow, RunRow, ShardRow

_KEYS = ("run_id", "shard")
_ACCEPTED = ("sent", "delivered", "bounced", "complained")  # states behind the provider's acceptance


@dataclass
class Progress:
    """Deliveries, one a recipient and channel. At every moment targeted = skipped + queued + sent + failed +
    uncertain + cancelled; `delivered`, `bounced` and `complained` are parts of `sent`."""

    targeted: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    queued: int = 0
    sent: int = 0
    delivered: int = 0
    opened: int = 0
    clicked: int = 0
    bounced: int = 0
    complained: int = 0
    unsubscribed: int = 0
    failed: int = 0
    failed_reasons: dict[str, int] = field(default_factory=dict)
    uncertain: int = 0
    cancelled: int = 0

    @property
    def settled(self) -> int:
        """Deliveries with which nothing more is to be done."""
        return sum(self.skipped.values()) + self.sent + self.failed + self.uncertain + self.cancelled

    def __add__(self, other: "Progress") -> "Progress":
        """The sum, as of several runs."""
        total = Progress()
        for name, value in vars(self).items():
            more = getattr(other, name)
            setattr(total, name, dict(Counter(value) + Counter(more)) if isinstance(value, dict) else value + more)
        return total


def read_progress(run: RunRow) -> Progress:
    """A run's progress, read now. Raises: UnavailableError (retryable)."""
    with reaching_dynamodb():
        # The counters first: what is counted was planned before, so the rest is never negative.
        counts = _counts(run.run_id)
        shards = list(ShardRow.query(run.run_id, ShardRow.shard.startswith(AUDIENCE), consistent_read=True))
    return progress_of(counts, targeted=sum(int(row.targeted) for row in shards) * len(run.channels))


def progress_of(counts: Counter[str], *, targeted: int) -> Progress:
    """The progress that follows from counts by word (`pipeline.tally.word`)."""
    reasons: dict[str, dict[str, int]] = {"skipped": {}, "failed": {}}
    for name, count in counts.items():
        status, hash_sign, reason = name.partition("#")
        if hash_sign and count:
            reasons[status][reason] = count
    progress = Progress(
        targeted=targeted,
        skipped=reasons["skipped"],
        sent=sum(counts[name] for name in _ACCEPTED),
        delivered=counts["delivered"] + counts["complained"],  # who complains has it
        opened=counts["opened"],
        clicked=counts["clicked"],
        bounced=counts["bounced"],
        complained=counts["complained"],
        unsubscribed=counts["unsubscribed"],
        failed=sum(reasons["failed"].values()),
        failed_reasons=reasons["failed"],
        uncertain=counts["uncertain"],
        cancelled=counts["cancelled"],
    )
    progress.queued = progress.targeted - progress.settled
    return progress


def _counts(run_id: str) -> Counter[str]:
    """The counters are read as they are: PynamoDB would leave out attributes that no model names."""
    total: Counter[str] = Counter()
    answer: dict[str, Any] = CounterRow._get_connection().query(run_id, consistent_read=True)
    for item in answer["Items"]:
        total.update({name: int(value["N"]) for name, value in item.items() if name not in _KEYS})
    return total
