"""Whether a letter may still leave, right before it is claimed: what has come to stand against it since it was queued,
and whether its reader has had enough. Only what is really about to leave is counted.
"""

from collections.abc import Sequence
from datetime import timedelta

from chalicelib.categories import CATEGORIES
from chalicelib.clock import Clock, parse_rfc3339
from chalicelib.composed import Composed
from chalicelib.deliveries import DeliveryStatus
from chalicelib.pipeline.caps import Caps
from chalicelib.pipeline.compose import Letter
from chalicelib.pipeline.eligibility import Consent, Eligibility
from chalicelib.pipeline.fallback import Delivered, Fallback, waiting
from chalicelib.pipeline.jobs import DeliverJob, DeliverRecipient, EnrichJob, as_known
from chalicelib.pipeline.once_to_an_address import OnceToAnAddress
from chalicelib.pipeline.retry import Retries
from chalicelib.reasons import Reason
from chalicelib.storage.ledger import Ledger

_FRESH = timedelta(minutes=1)  # `enrich` has just checked
_LOOK_AGAIN_SECONDS = 60  # for what becomes of somebody else's letter


class PreSendCheck(Composed):
    """Takes out of a job what must not leave now."""

    consent: Eligibility
    caps: Caps
    once: OnceToAnAddress
    ledger: Ledger
    retries: Retries
    fallback: Fallback
    clock: Clock

    def still_wanted(self, job: DeliverJob, letters: Sequence[Letter], result: Delivered) -> list[Letter]:
        """Those that may leave now; the others are skipped or wait. One read, and for a campaign's letters one write.
        An account letter needs none unless it has waited, as its reader may have been erased; it is counted. Raises:
        UnavailableError (retryable)."""
        category = job.letter.category
        transactional = CATEGORIES[category].transactional
        if transactional and self.clock() - parse_rfc3339(job.letter.accepted_at) < _FRESH:
            return self._not_too_many(job, letters, result)
        people = [one.recipient for one in letters]
        found = self.consent.objections(category, {job.channel: people})
        consent = self.consent.judge_letter(job.letter, job.channel, people, found, looked_at=_looked_at(job))
        for letter in letters:
            reason = consent.skips.get(letter.recipient.notification_id)
            if reason is not None:
                self.fallback.close(job, [letter.recipient], DeliveryStatus.SKIPPED, reason, result)
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
        found = self.consent.objections(job.letter.category, {job.channel: job.recipients})
        off = self.consent.objected(job.letter, job.channel, job.recipients, found, looked_at=_looked_at(job))
        rule = None
        counted = {one.notification_id: one for one in job.recipients}
        for category in (one for one in job.letter.categories if one not in off):
            refused, why = self.caps.take(category, job.channel, counted)
            if refused:
                off[category], rule = Reason.CAPPED, why
        if len(off) < len(job.letter.categories):
            return job.model_copy(update={"letter": job.letter.without(off)}) if off else job
        self.fallback.close_all(job, job.recipients, next(iter(off.values())), result, rule=rule)
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
                self.fallback.close_all(job, [letter.recipient], Reason.TOO_MANY_TO_ADDRESS, result, rule=rule)
        return left

    def _enough(self, job: DeliverJob, one: DeliverRecipient) -> str | None:
        rule = None
        if CATEGORIES[job.letter.category].transactional:
            rule = self.caps.take_account_letter(job.letter.template, job.channel, one.notification_id, one)
        if rule is None and one.unconfirmed:
            rule = self.caps.take_unconfirmed(job.channel, one.notification_id, one)
        return rule

    def _put_off(self, job: DeliverJob, letters: Sequence[Letter], consent: Consent, result: Delivered) -> None:
        """Until quiet hours end; letters that are no longer needed by then are skipped."""
        for until in sorted(set(consent.waits.values())):
            late = [one.recipient for one in letters if consent.waits.get(one.recipient.notification_id) == until]
            if job.letter.is_over(until):
                self.fallback.close(job, late, DeliveryStatus.SKIPPED, Reason.EXPIRED, result)
                continue
            self.ledger.move(waiting(late, [job.channel], Reason.QUIET_HOURS, until))
            self.retries.until(_enrich_again(job, late), until)
            result.counts["postponed"] += len(late)

    def _once_to_an_address(self, job: DeliverJob, letters: list[Letter], result: Delivered) -> list[Letter]:
        """A run's letters whose address no other letter of the run has: the fan-out sees one page at a time."""
        if job.letter.run_id is None:
            return letters
        taken = self.once.taken(job, [one.recipient for one in letters])
        twice = [one.recipient for one in letters if one.recipient.notification_id in taken.twice]
        if twice:
            self.fallback.close(job, twice, DeliveryStatus.SKIPPED, Reason.DUPLICATE, result)
        late = [one.recipient for one in letters if one.recipient.notification_id in taken.undecided]
        if late:
            self.retries.later(job.only(late), in_seconds=_LOOK_AGAIN_SECONDS)
            result.counts["postponed"] += len(late)
        aside = taken.twice | taken.undecided
        return [one for one in letters if one.recipient.notification_id not in aside]

    def _uncapped(self, job: DeliverJob, letters: list[Letter], result: Delivered) -> list[Letter]:
        """Those who have not had enough letters of this category; each counts from here on."""
        if job.letter.inside:
            return letters  # `lines_left` has counted its categories
        counted = {one.recipient.notification_id: one.recipient for one in letters}
        refused, rule = self.caps.take(job.letter.category, job.channel, counted)
        over = [one.recipient for one in letters if one.recipient.notification_id in refused]
        if over:
            self.fallback.close_all(job, over, Reason.CAPPED, result, rule=rule)
        return [one for one in letters if one.recipient.notification_id not in refused]


def _looked_at(job: DeliverJob) -> str:
    return job.looked_at or job.letter.accepted_at


def _enrich_again(job: DeliverJob, late: Sequence[DeliverRecipient]) -> EnrichJob:
    # Back to `enrich`: after hours of waiting the user's data must be read again.
    recipients = tuple(as_known(one) for one in late)
    return EnrichJob(letter=job.letter, channels=(job.channel, *job.then), recipients=recipients, again=True)
