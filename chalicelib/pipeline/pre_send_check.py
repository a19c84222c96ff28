"""Whether a letter may still leave, right before it is claimed: what has come to stand against it since it was queued,
and whether its reader has had enough. Only what is really about to leave is counted.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from chalicelib.categories import CATEGORIES
from chalicelib.clock import Clock, parse_rfc3339
from chalicelib.composed import Composed
from chalicelib.configuration.setting_shapes import AddressLimit
from chalicelib.configuration.site_settings import SiteSettings
from chalicelib.deliveries import DeliveryStatus
from chalicelib.manifest import CHANNELS
from chalicelib.pipeline.compose import Letter
from chalicelib.pipeline.eligibility import Consent, Eligibility, Reader
from chalicelib.pipeline.fallback import Delivered, Fallback, waiting
from chalicelib.pipeline.jobs import DeliverJob, DeliverRecipient, EnrichJob, as_known
from chalicelib.pipeline.retry import Retries
from chalicelib.reasons import Reason
from chalicelib.security.signing import AddressHashes
from chalicelib.storage.frequency_caps import ACCOUNT, UNCONFIRMED, FrequencyCaps
from chalicelib.storage.ledger import Ledger

_FRESH = timedelta(minutes=1)  # `enrich` has just checked


class Caps(Composed):
    """The limits of letters (the settings `caps`, `account_letters`, `unconfirmed_letters`), and that an address gets
    one of a campaign's run. What a user has registered, devices and chats, is no address: the user is counted for
    it."""

    site: SiteSettings
    store: FrequencyCaps
    addresses: AddressHashes

    def take(self, category: str, channel: str, wanted: Mapping[str, Reader]) -> tuple[frozenset[str], str | None]:
        """Counts letters, by notification id, as far as the cap lets it; answers the others, and the rule. Repeating it
        counts nothing twice. Raises: UnavailableError (retryable)."""
        cap = self.site.current().caps.get(category)
        if cap is None or not wanted:
            return frozenset(), None
        owners = {
            id_: [owner for owner in (one.user_id, self._owner(channel, one)) if owner] for id_, one in wanted.items()
        }
        refused = self.store.take(category, owners, letters=cap.letters, days=cap.days)
        return refused, f"cap {category}: {cap.letters} in {cap.days} days"

    def take_account_letter(self, template: str, channel: str, notification_id: str, person: Reader) -> str | None:
        """Counts a letter about an account against its address; the rule where there were enough of its template in the
        present window. Each template counts apart: no number of registrations keeps somebody from a new password.
        Raises: UnavailableError (retryable; repeating it counts once)."""
        limit = self.site.current().account_letters
        if self._takes(f"{ACCOUNT}{template}", self._owner(channel, person), notification_id, limit):
            return None
        return f"account letters: {limit.letters} of {template} to an address in {limit.minutes} minutes"

    def take_unconfirmed(self, channel: str, notification_id: str, person: Reader) -> str | None:
        """The same for a letter of any template to an address that nobody has confirmed, by its mailbox, whatever
        stands behind a `+`: whoever can name it can have letters sent there."""
        limit = self.site.current().unconfirmed_letters
        mailbox = None if _is_own(channel, person) else self.addresses.mailbox(channel, person.address)
        if self._takes(UNCONFIRMED, mailbox, notification_id, limit):
            return None
        return f"unconfirmed letters: {limit.letters} to an address in {limit.minutes} minutes"

    def take_of_run(self, run_id: str, channel: str, wanted: Mapping[str, Reader]) -> frozenset[str]:
        """Those whose address another letter of the run has taken, on whatever page, shard or list row; at most fifty
        at once. Raises: UnavailableError (retryable)."""
        owners = {id_: owner for id_, one in wanted.items() if (owner := self._owner(channel, one)) is not None}
        return self.store.take_of_run(run_id, owners)

    def _takes(self, what: str, owner: str | None, notification_id: str, limit: AddressLimit) -> bool:
        return owner is None or self.store.take_in_window(
            what, owner, notification_id, letters=limit.letters, minutes=limit.minutes
        )

    def _owner(self, channel: str, person: Reader) -> str | None:
        return None if _is_own(channel, person) else self.addresses.owner(channel, person.address)


def _is_own(channel: str, person: Reader) -> bool:
    return CHANNELS[channel].endpoints or person.address == person.user_id


class PreSendCheck(Composed):
    """Takes out of a job what must not leave now."""

    consent: Eligibility
    caps: Caps
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
            late = [n for n, moment in consent.waits.items() if moment == until]
            if job.letter.is_over(until):
                over = [one.recipient for one in letters if one.recipient.notification_id in late]
                self.fallback.close(job, over, DeliveryStatus.SKIPPED, Reason.EXPIRED, result)
                continue
            self.ledger.move(waiting(job.letter, late, [job.channel], Reason.QUIET_HOURS, until))
            self.retries.until(_enrich_again(job, late), until)
            result.counts["postponed"] += len(late)

    def _once_to_an_address(self, job: DeliverJob, letters: list[Letter], result: Delivered) -> list[Letter]:
        """A run's letters whose address no other letter of the run has: the fan-out sees one page at a time."""
        if job.letter.run_id is None:
            return letters
        counted = {one.recipient.notification_id: one.recipient for one in letters}
        taken = self.caps.take_of_run(job.letter.run_id, job.channel, counted)
        twice = [one.recipient for one in letters if one.recipient.notification_id in taken]
        if twice:
            self.fallback.close(job, twice, DeliveryStatus.SKIPPED, Reason.DUPLICATE, result)
        return [one for one in letters if one.recipient.notification_id not in taken]

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


def _enrich_again(job: DeliverJob, notification_ids: Sequence[str]) -> EnrichJob:
    # Back to `enrich`: after hours of waiting the user's data must be read again.
    recipients = tuple(as_known(r) for r in job.recipients if r.notification_id in notification_ids)
    return EnrichJob(letter=job.letter, channels=(job.channel, *job.then), recipients=recipients, again=True)
