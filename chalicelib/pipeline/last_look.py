"""The last look before a letter is claimed: has anything come to stand against it since it was queued? Called by
`deliver.py`.
"""

from collections.abc import Sequence

from chalicelib.categories import CATEGORIES
from chalicelib.pipeline.caps import CAPPED, Caps
from chalicelib.pipeline.closing import Closing
from chalicelib.pipeline.compose import Letter
from chalicelib.pipeline.consent import Addressee, Consent, ConsentDesk
from chalicelib.pipeline.delivered import Delivered
from chalicelib.pipeline.inside import judged, objected
from chalicelib.pipeline.jobs import DeliverJob, DeliverRecipient, EnrichJob, LetterSpec, as_known
from chalicelib.pipeline.ledger import Ledger
from chalicelib.pipeline.retry import Retries
from chalicelib.pipeline.statuses import DeliveryStatus
from chalicelib.pipeline.unsent import EXPIRED, QUIET, waiting


class LastLook:
    """Of one stage."""

    def __init__(self, *, consent: ConsentDesk, caps: Caps, ledger: Ledger, retries: Retries, closing: Closing) -> None:
        self._consent = consent
        self._caps = caps
        self._ledger = ledger
        self._retries = retries
        self._closing = closing

    def still_wanted(self, job: DeliverJob, letters: Sequence[Letter], result: Delivered) -> list[Letter]:
        """Those that may leave now; the others are skipped or wait. One read; an account letter needs none. Raises:
        UnavailableError (retryable)."""
        category = job.letter.category
        if CATEGORIES[category].transactional:
            return list(letters)
        people = [_addressee(one.recipient, job.letter) for one in letters]
        found = self._consent.objections(category, {job.channel: people})
        consent = judged(self._consent, job.letter, job.channel, people, found)
        for letter in letters:
            reason = consent.skips.get(letter.recipient.notification_id)
            if reason is not None:
                self._closing.close(job, [letter.recipient], DeliveryStatus.SKIPPED, reason, result)
        self._put_off(job, letters, consent, result)
        aside = {*consent.skips, *consent.waits}
        return self._uncapped(job, [one for one in letters if one.recipient.notification_id not in aside], result)

    def lines_left(self, job: DeliverJob, result: Delivered) -> DeliverJob | None:
        """A collected letter without the lines that its reader has switched off, or has had enough of, since it was
        put together; None where none is left. Any other letter as it is. One read. Raises: UnavailableError
        (retryable)."""
        if not job.letter.inside:
            return job
        people = [_addressee(one, job.letter) for one in job.recipients]
        found = self._consent.objections(job.letter.category, {job.channel: people})
        off = objected(self._consent, job.letter, job.channel, people, found)
        rule = None
        users = {one.notification_id: one.user_id for one in job.recipients if one.user_id}
        for category in (one for one in job.letter.categories if one not in off):
            enough = self._caps.take(category, users)
            if enough.notification_ids:
                off[category], rule = CAPPED, enough.rule
        if len(off) < len(job.letter.categories):
            return job.model_copy(update={"letter": job.letter.without(off)}) if off else job
        self._closing.close_all(job, job.recipients, next(iter(off.values())), result, rule=rule)
        return None

    def _put_off(self, job: DeliverJob, letters: Sequence[Letter], consent: Consent, result: Delivered) -> None:
        """Until quiet hours are over; what nobody needs by then is skipped."""
        for until in sorted(set(consent.waits.values())):
            late = [n for n, moment in consent.waits.items() if moment == until]
            if job.letter.is_over(until):
                over = [one.recipient for one in letters if one.recipient.notification_id in late]
                self._closing.close(job, over, DeliveryStatus.SKIPPED, EXPIRED, result)
                continue
            self._ledger.move(waiting(job.letter, late, [job.channel], QUIET, until))
            self._retries.until(_enrich_again(job, late), until)
            result.count("postponed", len(late))

    def _uncapped(self, job: DeliverJob, letters: list[Letter], result: Delivered) -> list[Letter]:
        """Those who have not had enough letters of this category; each counts from here on."""
        if job.letter.inside:
            return letters  # `lines_left` has counted its categories
        users = {one.recipient.notification_id: one.recipient.user_id for one in letters}
        enough = self._caps.take(job.letter.category, {one: user for one, user in users.items() if user})
        over = [one.recipient for one in letters if one.recipient.notification_id in enough.notification_ids]
        if over:
            self._closing.close_all(job, over, CAPPED, result, rule=enough.rule)
        return [one for one in letters if one.recipient.notification_id not in enough.notification_ids]


def _addressee(recipient: DeliverRecipient, letter: LetterSpec) -> Addressee:
    return Addressee(
        notification_id=recipient.notification_id,
        user_id=recipient.user_id,
        address=recipient.address,
        zone=recipient.user.get("timezone"),
        accepted_at=letter.accepted_at,
    )


def _enrich_again(job: DeliverJob, notification_ids: Sequence[str]) -> EnrichJob:
    # Back to `enrich`: after hours of waiting, what is known of the user is to be read again.
    recipients = tuple(as_known(r) for r in job.recipients if r.notification_id in notification_ids)
    return EnrichJob(letter=job.letter, channels=(job.channel, *job.then), recipients=recipients, again=True)
