"""Letters that their readers want collected, daily or weekly: put aside by `enrich`, released when due, sent by
`digest.py`.

A letter keeps the time that it was put aside for, even if the setting changes meanwhile: neither lost nor sent twice.
One that would expire before goes at once.
"""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from chalicelib.clock import Clock, rfc3339
from chalicelib.composed import Composed
from chalicelib.deliveries import DeliveryKey, Move, S
from chalicelib.flow.queues import JobQueue, Outgoing
from chalicelib.isolation import each
from chalicelib.manifest import CHANNELS, Queue
from chalicelib.observability import Line, log_failure
from chalicelib.pipeline.fallback import ended, waiting
from chalicelib.pipeline.jobs import DigestJob, EnrichJob, EnrichRecipient, LetterSpec, key_of
from chalicelib.profiles.digest_preferences import DigestWish
from chalicelib.profiles.opt_outs import objection
from chalicelib.reasons import Reason
from chalicelib.schemas import kept, passed, recalled
from chalicelib.storage.digest_queue import CollectedLetter, collected_of, forget_collected, put_collected, users_due
from chalicelib.storage.ledger import Ledger
from chalicelib.storage.users import Profile, Wishes

DIGEST_CHANNEL = "email"  # the digest's own channel, unless a route says otherwise
_KEPT = timedelta(days=30)  # beyond its moment, should nobody be there to send it


class Collected(NamedTuple):
    """A waiting letter, as stored, and what all letters of its job share."""

    stored: CollectedLetter
    letter: LetterSpec

    def closing(self, reason: str, *, failed: bool = False, rule: str | None = None) -> list[Move]:
        """The transitions that end it as a letter of its own."""
        status = S.FAILED if failed else S.SKIPPED
        return ended([self.stored], self.stored.channels, status, reason, rule=rule)


class DigestQueue(Composed):
    """Collects letters, and releases and erases collected ones."""

    queues: JobQueue
    ledger: Ledger
    clock: Clock
    default_zone: str
    default_locale: str

    def collect(self, job: EnrichJob, profiles: Mapping[str, Profile], wishes: Wishes) -> frozenset[str]:
        """The notification ids of the job that need nothing more: their letter waits for the digest, or is in one
        already. Idempotent. Raises: UnavailableError (retryable)."""
        wanted: dict[str, tuple[EnrichRecipient, DigestWish]] = {}
        for one in job.recipients:
            wish, profile = self._wish(job.letter, wishes, one.user_id), profiles.get(one.notification_id)
            if wish is not None and profile is not None and not self._is_left_out(job.letter, profile):
                wanted[one.notification_id] = (one, wish)
        return frozenset(
            one.notification_id
            for one, wish in wanted.values()
            if self._put(job, one, wish, profiles[one.notification_id])
        )

    def release(self) -> Line:
        """Queues a job for each user whose letters are due; idempotent. Raises: UnavailableError (retryable)."""
        jobs = [Outgoing(passed(DigestJob(user_id=user))) for user in sorted(users_due(rfc3339(self.clock())))]
        self.queues.put(Queue.DIGEST, jobs)
        return Line(counts={"digests_released": len(jobs)})

    def of(self, user_id: str) -> list[dict[str, Any]]:
        """What waits for a user. Raises: UnavailableError (retryable)."""
        found, _ = waiting_for(user_id)
        return [{"notification_id": one.stored.notification_id, "due_at": one.stored.due_at} for one in found]

    def erase(self, user_id: str) -> None:
        """Ends and deletes what waits for a user. Raises: UnavailableError (retryable)."""
        found, unreadable = waiting_for(user_id)
        end_unreadable(self.ledger, user_id, unreadable)
        self.ledger.move([move for one in found for move in one.closing(Reason.ERASED)])
        forget_collected(user_id, [one.stored.notification_id for one in found])

    def _wish(self, letter: LetterSpec, wishes: Wishes, user_id: str | None) -> DigestWish | None:
        wish = wishes.get(user_id or "", {})
        stored = wish.get("digests", {}).get(letter.category)
        if stored is None:
            return None
        if objection(wish, category=letter.category, channel=DIGEST_CHANNEL, at=self.clock()) is not None:
            return None  # the normal way records why nothing comes
        return recalled(DigestWish, stored)

    def _language(self, letter: LetterSpec, profile: Profile) -> str:
        return profile.locale or letter.locale or self.default_locale

    def _is_left_out(self, letter: LetterSpec, profile: Profile) -> bool:
        return letter.languages is not None and letter.languages.leave_out(self._language(letter, profile))

    def _put(self, job: EnrichJob, one: EnrichRecipient, wish: DigestWish, profile: Profile) -> bool:
        due = wish.next_after(self.clock(), zone=profile.timezone or self.default_zone)
        if job.letter.is_over(due):
            return False
        rule = f"digest {job.letter.category}: {wish.told()}"
        moves = waiting([one], job.channels, Reason.DIGEST, due, rule=rule)
        if key_of(one, job.channels[0]) in self.ledger.move(moves):
            return True  # a message that came twice: it has gone on
        put_collected(
            CollectedLetter(
                user_id=one.user_id or "",
                notification_id=one.notification_id,
                due_at=rfc3339(due),
                letter=kept(job.letter),
                context={**job.letter.context, **(one.context or {})},
                channels=job.channels,
                spot=one.spot,
                locale=self._language(job.letter, profile),
                expires_at_epoch=int((due + _KEPT).timestamp()),
            )
        )
        return True


def waiting_for(user_id: str, *, until: str | None = None) -> tuple[list[Collected], list[str]]:
    """What waits for a user, due `until` a moment if one is given; and the notification ids of unreadable letters.
    Raises: UnavailableError (retryable)."""
    found, unreadable = collected_of(user_id, until=until)

    def alone(one: CollectedLetter, error: Exception) -> None:
        log_failure("collected letter", error, notification_id=one.notification_id)
        unreadable.append(one.notification_id)

    return each(lambda one: Collected(one, recalled(LetterSpec, one.letter)), found, alone=alone), unreadable


def end_unreadable(ledger: Ledger, user_id: str, notification_ids: Collection[str]) -> None:
    """Fails letters that nobody can read. Raises: UnavailableError (retryable)."""
    keys = ledger.states([DeliveryKey(one, channel) for one in notification_ids for channel in CHANNELS])
    ledger.move([Move(key, S.FAILED, Reason.UNREADABLE, unclaimed=True) for key in keys])
    forget_collected(user_id, notification_ids)
