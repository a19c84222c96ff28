"""Ends deliveries of `deliver` that no provider gets; the channels behind them are told."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from chalicelib.deliveries import DeliveryStatus
from chalicelib.observability import log_failure
from chalicelib.pipeline.fallback import Succession
from chalicelib.pipeline.jobs import DeliverJob, DeliverRecipient
from chalicelib.pipeline.unsent import UNREADABLE, ended
from chalicelib.storage.ledger import Ledger


@dataclass
class Delivered:
    """What became of a job, for the log and the metrics: every part of the stage adds to it."""

    counts: dict[str, int] = field(default_factory=dict)
    seconds_since_accepted: list[float] = field(default_factory=list)

    def count(self, word: str, times: int = 1) -> None:
        """Adds to one of `sent`, `failed`, `skipped`, `postponed`, `dropped`, `held`, `queued`, `unknown`."""
        if times:
            self.counts[word] = self.counts.get(word, 0) + times


class Closing:
    """For one stage."""

    def __init__(self, *, ledger: Ledger, succession: Succession) -> None:
        self._ledger = ledger
        self._succession = succession

    def close(
        self,
        job: DeliverJob,
        recipients: Sequence[DeliverRecipient],
        status: DeliveryStatus,
        reason: str,
        result: Delivered,
        *,
        rule: str | None = None,
    ) -> None:
        """On the job's channel; the next one comes at once. Raises: UnavailableError (retryable)."""
        self._succession.after(job, in_vain=recipients)
        self._end(job, recipients, (job.channel,), status, reason, result, rule=rule or job.letter.rule)

    def spoil(self, job: DeliverJob, recipient: DeliverRecipient, error: Exception, result: Delivered) -> None:
        """Failed, as what is known of the recipient cannot be worked on. Raises: UnavailableError (retryable)."""
        log_failure("letter", error, notification_id=recipient.notification_id)
        self.close(job, [recipient], DeliveryStatus.FAILED, UNREADABLE, result)

    def close_all(
        self,
        job: DeliverJob,
        recipients: Sequence[DeliverRecipient],
        reason: str,
        result: Delivered,
        *,
        rule: str | None = None,
    ) -> None:
        """Skipped on the job's channel and on all behind it. Raises: UnavailableError (retryable)."""
        channels = (job.channel, *job.then)
        self._end(job, recipients, channels, DeliveryStatus.SKIPPED, reason, result, rule=rule or job.letter.rule)

    def _end(
        self,
        job: DeliverJob,
        recipients: Sequence[DeliverRecipient],
        channels: Sequence[str],
        status: DeliveryStatus,
        reason: str,
        result: Delivered,
        *,
        rule: str | None,
    ) -> None:
        ids = [one.notification_id for one in recipients]
        moves = ended(job.letter, ids, channels, status, reason, rule=rule)
        refused = self._ledger.move(moves)
        result.count(status.value, len(moves) - len(refused))
        result.count("dropped", len(refused))
