"""Puts letters aside that their readers want together, daily or weekly. `enrich` asks before it sends on; what was put
aside is sent by `digest.py`.

A letter keeps the moment that it was put aside for: whoever changes the setting meanwhile gets it then all the same,
neither lost nor twice. One that would expire before goes at once.
"""

from collections.abc import Mapping
from datetime import timedelta

from chalicelib.clock import Clock, parse_rfc3339, rfc3339
from chalicelib.deliveries import DeliveryKey
from chalicelib.pipeline.fallback import waiting
from chalicelib.pipeline.jobs import EnrichJob, EnrichRecipient, LetterSpec
from chalicelib.profiles.digest_preferences import DigestWish
from chalicelib.profiles.model import Profile, Wishes
from chalicelib.profiles.preferences import objection
from chalicelib.reasons import Reason
from chalicelib.schemas import kept, recalled
from chalicelib.storage.dynamodb import save_if
from chalicelib.storage.ledger import Ledger
from chalicelib.storage.rows.digests import DIGEST_SHARDS, DigestRow

DIGEST_CHANNEL = "email"  # what the digest itself goes by, where no route says otherwise
_KEPT = timedelta(days=30)  # beyond its moment, should nobody be there to send it


class Collect:
    """The collector of one stage."""

    def __init__(self, *, ledger: Ledger, clock: Clock, default_zone: str, default_locale: str) -> None:
        self._ledger = ledger
        self._clock = clock
        self._default_zone = default_zone
        self._default_locale = default_locale

    def collect(self, job: EnrichJob, profiles: Mapping[str, Profile], wishes: Wishes) -> frozenset[str]:
        """Those of the job who are dealt with: their letter waits for the digest, or is in one already; by notification
        id. Repeating it changes nothing. Raises: UnavailableError (retryable)."""
        wanted: dict[str, tuple[EnrichRecipient, DigestWish]] = {}
        for one in job.recipients:
            wish = self._wish(job.letter, wishes, one.user_id)
            if wish is not None and one.notification_id in profiles:
                wanted[one.notification_id] = (one, wish)
        return frozenset(
            one.notification_id
            for one, wish in wanted.values()
            if self._put(job, one, wish, profiles[one.notification_id])
        )

    def _wish(self, letter: LetterSpec, wishes: Wishes, user_id: str | None) -> DigestWish | None:
        wish = wishes.get(user_id or "", {})
        stored = wish.get("digests", {}).get(letter.category)
        if stored is None:
            return None
        if objection(wish, category=letter.category, channel=DIGEST_CHANNEL, at=self._clock()) is not None:
            return None  # the ordinary way says why nothing comes
        return recalled(DigestWish, stored)

    def _put(self, job: EnrichJob, one: EnrichRecipient, wish: DigestWish, profile: Profile) -> bool:
        due = wish.next_after(self._clock(), zone=profile.timezone or self._default_zone)
        if job.letter.is_over(due):
            return False
        rule = f"digest {job.letter.category}: {wish.told()}"
        moves = waiting(job.letter, [one.notification_id], job.channels, Reason.DIGEST, due, rule=rule)
        if DeliveryKey(one.notification_id, job.channels[0]) in self._ledger.move(moves):
            return True  # a message that came twice: it has gone on
        row = DigestRow(
            one.user_id,
            one.notification_id,
            due_shard=str(int(one.notification_id[:8], 16) % DIGEST_SHARDS),
            due_at=rfc3339(due),
            letter=kept(job.letter),
            context={**job.letter.context, **(one.context or {})},
            channels=list(job.channels),
            locale=profile.locale or job.letter.locale or self._default_locale,
            expires_at_epoch=int((parse_rfc3339(rfc3339(due)) + _KEPT).timestamp()),
        )
        save_if(row, DigestRow.user_id.does_not_exist())
        return True
