"""Claims deliveries before a provider is called, and records the results, only as the claim's owner.

Each claim is logged before the call, and the answers before the record: if a ledger has to be restored from a backup,
the log knows which letters have left since (`infra/recollection.py`; ADR 0058).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from chalicelib.channels.port import Outcome, Verdict
from chalicelib.clock import Clock, parse_rfc3339, short_id
from chalicelib.composed import Composed
from chalicelib.deliveries import ACCEPTED, DeliveryKey, DeliveryStatus, Move
from chalicelib.mailbox_providers import provider_number
from chalicelib.observability import logger
from chalicelib.outcomes import Refusal
from chalicelib.pipeline.compose import Letter
from chalicelib.pipeline.fallback import Delivered, Fallback
from chalicelib.pipeline.jobs import DeliverJob, DeliverRecipient
from chalicelib.pipeline.retry import Retries
from chalicelib.storage.ledger import Ledger

CLAIMED, ANSWERED = "letters-claimed", "letters-answered"  # lines of the log


class _End(StrEnum):
    """The fate of a letter after its call."""

    SENT = "sent"
    REFUSED = "refused"
    EXHAUSTED = "exhausted"
    AGAIN = "again"
    UNKNOWN = "unknown"


# An unknown outcome keeps its claim until it is reconciled.
_STATUSES = {
    _End.SENT: DeliveryStatus.SENT,
    _End.REFUSED: DeliveryStatus.FAILED,
    _End.EXHAUSTED: DeliveryStatus.FAILED,
    _End.AGAIN: DeliveryStatus.QUEUED,
}


class Claim(NamedTuple):
    """Letters that this worker alone may send, until its lease is over."""

    owner: str
    letters: Sequence[Letter]
    refused: Mapping[DeliveryKey, Refusal]  # those of others, and how they stand


class Claims(Composed):
    """A claim holds for `lease`; a stale one is reconciled `grace` later."""

    ledger: Ledger
    retries: Retries
    fallback: Fallback
    clock: Clock
    lease: timedelta
    grace: timedelta
    max_attempts: int

    def take(self, job: DeliverJob, letters: Sequence[Letter], result: Delivered) -> Claim:
        """Claims the letters that nobody else has sent or is sending. Raises: UnavailableError (retryable)."""
        owner, lease_until = short_id(), self.clock() + self.lease
        refused = self.ledger.move(
            [
                Move(
                    letter.key,
                    DeliveryStatus.CALLING,
                    owner=owner,
                    lease_until=lease_until,
                    attempt=job.attempt,
                    rule=job.letter.rule,
                    provider=provider_number(letter.recipient.address) if job.channel == "email" else None,
                )
                for letter in letters
            ]
        )
        result.counts["dropped"] += len(refused)
        claim = Claim(owner, [letter for letter in letters if letter.key not in refused], refused)
        if claim.letters:
            ids, spots = [one.key.id for one in claim.letters], [one.key.spot for one in claim.letters]
            asked_by, run = job.letter.request_id, job.letter.run_id
            logger().info(CLAIMED, owner=owner, letters=ids, spots=spots, asked_by=asked_by, run=run)
        return claim

    def record(self, job: DeliverJob, claim: Claim, outcomes: Sequence[Outcome], result: Delivered) -> None:
        """Records the provider's answers; what was not sent comes back later, or ends. Raises: UnavailableError
        (retryable): what was sent is not sent again by it."""
        _tell(claim, outcomes)
        moves: list[Move] = []
        ends: defaultdict[_End, list[DeliverRecipient]] = defaultdict(list)
        for letter, outcome in zip(claim.letters, outcomes, strict=True):
            end = self._end_of(job, outcome)
            ends[end].append(letter.recipient)
            status = _STATUSES.get(end)
            result.counts["unknown" if status is None else status.value] += 1
            if status is not None:
                moves.append(
                    Move(
                        letter.key,
                        status,
                        reason=outcome.reason,
                        owner=claim.owner,
                        provider_id=outcome.provider_id,
                    )
                )
        # Before the record: after a crash in between the next channels are requested twice, not never (ADR 0017).
        in_vain = [*ends[_End.REFUSED], *ends[_End.EXHAUSTED]]
        if job.then:
            self.fallback.after(job, in_vain=in_vain, maybe_there=[*ends[_End.SENT], *ends[_End.UNKNOWN]])
        self.ledger.move(moves)
        if ends[_End.SENT]:
            result.seconds_since_accepted.append(self._age_seconds(job))
        if ends[_End.AGAIN]:
            self.retries.again(job.only(ends[_End.AGAIN]))
        if ends[_End.EXHAUSTED]:
            self.retries.bury(job.only(ends[_End.EXHAUSTED]))
        if ends[_End.UNKNOWN]:
            self._reconcile_later(job, ends[_End.UNKNOWN])

    def _end_of(self, job: DeliverJob, outcome: Outcome) -> _End:
        match outcome.verdict:
            case Verdict.ACCEPTED:
                return _End.SENT
            case Verdict.REFUSED:
                return _End.REFUSED
            case Verdict.UNKNOWN:
                return _End.UNKNOWN
            case Verdict.NOT_ACCEPTED:
                return _End.AGAIN if job.attempt < self.max_attempts else _End.EXHAUSTED

    def look_after_others(self, job: DeliverJob, letters: Sequence[Letter], claim: Claim) -> None:
        """What was refused is another worker's, which may be dead, and this message the last that knows of it. It comes
        after the call: should it fail, nothing is left claimed and uncalled. Raises: UnavailableError (retryable)."""
        found = [(one.recipient, claim.refused[one.key].status) for one in letters if one.key in claim.refused]
        if stale := [one for one, status in found if status is DeliveryStatus.CALLING]:
            self._reconcile_later(job, stale)
        if job.then:  # it may have died before it asked for the next channels, and the provider's event came first
            self.fallback.after(
                job,
                in_vain=[one for one, status in found if status is DeliveryStatus.FAILED],
                maybe_there=[one for one, status in found if status in ACCEPTED],
            )

    def _reconcile_later(self, job: DeliverJob, recipients: Sequence[DeliverRecipient]) -> None:
        self.retries.reconcile(job.only(recipients), in_seconds=(self.lease + self.grace).total_seconds())

    def _age_seconds(self, job: DeliverJob) -> float:
        return (self.clock() - parse_rfc3339(job.letter.accepted_at)).total_seconds()


def _tell(claim: Claim, outcomes: Sequence[Outcome]) -> None:
    def ids(*verdicts: Verdict) -> list[str]:
        answered = zip(claim.letters, outcomes, strict=True)
        return [letter.key.id for letter, outcome in answered if outcome.verdict in verdicts]

    unsent = ids(Verdict.REFUSED, Verdict.NOT_ACCEPTED)
    logger().info(ANSWERED, owner=claim.owner, unsent=unsent, unknown=ids(Verdict.UNKNOWN))
