"""A run's progress: what was planned, and what became of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.storage.run_outcomes import ENGAGEMENTS
from chalicelib.storage.run_progress import RunCounts, read_counts
from chalicelib.storage.runs import PlannedRun, Run

SAMPLED = ("sent", "delivered", "opened", "clicked")
MOST_SAMPLES = 120  # a point per minute for two hours; longer runs keep every second one, and so on
_ACCEPTED = ("sent", "delivered", "bounced", "complained")  # states behind the provider's acceptance


@dataclass
class Progress:
    """Deliveries, one per recipient and channel. At every moment targeted = skipped + queued + sent + failed +
    uncertain + cancelled; `delivered`, `bounced` and `complained` are parts of `sent`. People's actions are counted
    apart from machines'."""

    targeted: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    queued: int = 0
    sent: int = 0
    delivered: int = 0
    opened: int = 0
    clicked: int = 0
    machine_opened: int = 0
    machine_clicked: int = 0
    bounced: int = 0
    complained: int = 0
    unsubscribed: int = 0
    failed: int = 0
    failed_reasons: dict[str, int] = field(default_factory=dict)
    uncertain: int = 0
    cancelled: int = 0

    @property
    def settled(self) -> int:
        """Deliveries that need nothing more."""
        return sum(self.skipped.values()) + self.sent + self.failed + self.uncertain + self.cancelled

    def __add__(self, other: "Progress") -> "Progress":
        """The sum, as of several runs."""
        total = Progress()
        for name, value in vars(self).items():
            more = getattr(other, name)
            setattr(total, name, dict(Counter(value) + Counter(more)) if isinstance(value, dict) else value + more)
        return total


def read_progress(run: Run) -> Progress:
    """A run's progress, read now. Raises: UnavailableError (retryable)."""
    return read_progresses([PlannedRun.of(run)])[0]


def read_progresses(runs: Sequence[PlannedRun], *, noted: bool = False) -> list[Progress]:
    """The progress of each run; `noted`: as it was counted last (`read_counts`). Raises: UnavailableError
    (retryable)."""
    return [progress_in(found) for found in read_counts(runs, noted=noted)]


def progress_in(counts: RunCounts) -> Progress:
    """The progress that counts tell."""
    return progress_of(counts.words, targeted=counts.targeted)


def sampled(before: Sequence[Sequence[Any]] | None, at: str, progress: Progress) -> list[Sequence[Any]]:
    """A run's curve with one more point: `[at, sent, delivered, opened, clicked]`, oldest first."""
    points = [*(before or ()), [at, *(getattr(progress, word) for word in SAMPLED)]]
    return points if len(points) <= MOST_SAMPLES else [*points[:-1:2], points[-1]]


def progress_of(counts: Counter[str], *, targeted: int) -> Progress:
    """The progress from counts by word (`storage.run_outcomes`)."""
    reasons: dict[str, dict[str, int]] = {"skipped": {}, "failed": {}}
    for name, count in counts.items():
        status, hash_sign, reason = name.partition("#")
        if hash_sign and count:
            reasons[status][reason] = count
    progress = Progress(
        targeted=targeted,
        skipped=reasons["skipped"],
        sent=sum(counts[name] for name in _ACCEPTED),
        delivered=counts["delivered"] + counts["complained"],  # whoever complains has received it
        failed=sum(reasons["failed"].values()),
        failed_reasons=reasons["failed"],
        **{word: counts[word] for word in (*ENGAGEMENTS, "bounced", "complained", "uncertain", "cancelled")},
    )
    # Whatever is settled was planned: a smaller plan was read a moment too early.
    progress.targeted = max(progress.targeted, progress.settled)
    progress.queued = progress.targeted - progress.settled
    return progress
