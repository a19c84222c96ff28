"""Checks right before a letter is claimed whether anything has come to stand against it since it was queued."""

from collections.abc import Sequence
from datetime import timedelta

from chalicelib.categories import CATEGORIES
from chalicelib.clock import Clock, parse_rfc3339
from chalicelib.deliveries import DeliveryStatus
from chalicelib.pipeline.caps import Caps, Counted
from chalicelib.pipeline.compose import Letter
from chalicelib.pipeline.digest_categories import judged, objected
from chalicelib.pipeline.eligibility import Addressee, Consent, ConsentDesk
from chalicelib.pipeline.fallback import Delivered, Fallback, waiting
from chalicelib.pipeline.jobs import DeliverJob, DeliverRecipient, EnrichJob, as_known
from chalicelib.pipeline.retry import Retries
from chalicelib.reasons import Reason
from chalicelib.storage.ledger import Ledger

_FRESH = timedelta(minutes=1)  # `enrich` has just checked


class LastLook:
    """The last check before the claim."""

    def __init__(
        self,
        *,
        consent: ConsentDesk,
        caps: Caps,
        ledger: Ledger,
        retries: Retries,
        fallback: Fallback,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._consent = consent
        self._caps = caps
        self._ledger = ledger
        self._retries = retries
        self._fallback = fallback

    def still_wanted(self, job: DeliverJob, letters: Sequence[Letter], result: Delivered) -> list[Letter]:
        """Those that may leave now; the others are skipped or wait. One read, and for a campaign's letters one write.
        An account letter needs none unless it has waited, as its reader may have been erased; it is counted. Raises:
        UnavailableError (retryable)."""
        category = job.letter.category
        transactional = CATEGORIES[category].transactional
        if transactional and self._clock() - parse_rfc3339(job.letter.accepted_at) < _FRESH:
            return self._not_too_many(job, letters, result)
        people = [_addressee(one.recipient, job) for one in letters]
        found = self._consent.objections(category, {job.channel: people})
        consent = judged(self._consent, job.letter, job.channel, people, found)
        for letter in letters:
            reason = consent.skips.get(letter.recipient.notification_id)
            if reason is not None:
                self._fallback.close(job, [letter.recipient], DeliveryStatus.SKIPPED, reason, result)
        self._put_off(job, letters, consent, result)
        aside = {*consent.skips, *consent.waits}
        wanted = [one for one in letters if one.recipient.notification_id not in aside]
        few = self._not_too_many(job, wanted, result)
        return few if transactional else self._uncapped(job, self._once_to_an_address(job, few, result), result)

    def lines_left(self, job: DeliverJob, result: Delivered) -> DeliverJob | None:
        """A collected letter without the lines that its reader has opted out of, or has had enough of, since it was put
        together; None if none is left. Any other letter unchanged. One read. Raises: UnavailableError (retryable)."""
        if not job.letter.inside:
            return job
        people = [_addressee(one, job) for one in job.recipients]
        found = self._consent.objections(job.letter.category, {job.channel: people})
        off = objected(self._consent, job.letter, job.channel, people, found)
        rule = None
        counted = {one.notification_id: _counted(job, one) for one in job.recipients}
        for category in (one for one in job.letter.categories if one not in off):
            enough = self._caps.take(category, counted)
            if enough.notification_ids:
                off[category], rule = Reason.CAPPED, enough.rule
        if len(off) < len(job.letter.categories):
            return job.model_copy(update={"letter": job.letter.without(off)}) if off else job
        self._fallback.close_all(job, job.recipients, next(iter(off.values())), result, rule=rule)
        return None

    def _not_too_many(self, job: DeliverJob, letters: Sequence[Letter], result: Delivered) -> list[Letter]:
        """Those whose address has not had enough account letters, or letters before it was confirmed. A campaign's run
        names each address once, and needs no write; a lane is whatever the caller says."""
        if job.letter.run_id is not None:
            return list(letters)
        left = []
        for letter in letters:
            rule = self._enough(job, letter.recipient)
            if rule is None:
                left.append(letter)
            else:
                self._fallback.close_all(job, [letter.recipient], Reason.TOO_MANY_TO_ADDRESS, result, rule=rule)
        return left

    def _enough(self, job: DeliverJob, one: DeliverRecipient) -> str | None:
        counted, rule = _counted(job, one), None
        if CATEGORIES[job.letter.category].transactional:
            rule = self._caps.take_account_letter(job.letter.template, one.notification_id, counted)
        if rule is None and one.unconfirmed:
            rule = self._caps.take_unconfirmed(one.notification_id, counted)
        return rule

    def _put_off(self, job: DeliverJob, letters: Sequence[Letter], consent: Consent, result: Delivered) -> None:
        """Until quiet hours end; letters that are no longer needed by then are skipped."""
        for until in sorted(set(consent.waits.values())):
            late = [n for n, moment in consent.waits.items() if moment == until]
            if job.letter.is_over(until):
                over = [one.recipient for one in letters if one.recipient.notification_id in late]
                self._fallback.close(job, over, DeliveryStatus.SKIPPED, Reason.EXPIRED, result)
                continue
            self._ledger.move(waiting(job.letter, late, [job.channel], Reason.QUIET_HOURS, until))
            self._retries.until(_enrich_again(job, late), until)
            result.count("postponed", len(late))

    def _once_to_an_address(self, job: DeliverJob, letters: list[Letter], result: Delivered) -> list[Letter]:
        """A run's letters whose address no other letter of the run has: the fan-out sees one page at a time."""
        if job.letter.run_id is None:
            return letters
        counted = {one.recipient.notification_id: _counted(job, one.recipient) for one in letters}
        taken = self._caps.take_of_run(job.letter.run_id, counted)
        twice = [one.recipient for one in letters if one.recipient.notification_id in taken]
        if twice:
            self._fallback.close(job, twice, DeliveryStatus.SKIPPED, Reason.DUPLICATE, result)
        return [one for one in letters if one.recipient.notification_id not in taken]

    def _uncapped(self, job: DeliverJob, letters: list[Letter], result: Delivered) -> list[Letter]:
        """Those who have not had enough letters of this category; each counts from here on."""
        if job.letter.inside:
            return letters  # `lines_left` has counted its categories
        counted = {one.recipient.notification_id: _counted(job, one.recipient) for one in letters}
        enough = self._caps.take(job.letter.category, counted)
        over = [one.recipient for one in letters if one.recipient.notification_id in enough.notification_ids]
        if over:
            self._fallback.close_all(job, over, Reason.CAPPED, result, rule=enough.rule)
        return [one for one in letters if one.recipient.notification_id not in enough.notification_ids]


def _counted(job: DeliverJob, recipient: DeliverRecipient) -> Counted:
    return Counted(recipient.user_id, job.channel, recipient.address)


def _addressee(recipient: DeliverRecipient, job: DeliverJob) -> Addressee:
    return Addressee(
        notification_id=recipient.notification_id,
        user_id=recipient.user_id,
        address=recipient.address,
        zone=recipient.user.get("timezone"),
        accepted_at=job.letter.accepted_at,
        looked_at=job.looked_at or job.letter.accepted_at,
    )


def _enrich_again(job: DeliverJob, notification_ids: Sequence[str]) -> EnrichJob:
    # Back to `enrich`: after hours of waiting the user's data must be read again.
    recipients = tuple(as_known(r) for r in job.recipients if r.notification_id in notification_ids)
    return EnrichJob(letter=job.letter, channels=(job.channel, *job.then), recipients=recipients, again=True)
