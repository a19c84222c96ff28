"""Which recipients of a chunk a letter may reach: their profiles, read without overloading the source, their addresses
on each channel, and what stands against them."""

from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from typing import NamedTuple

from chalicelib.addresses import same_address_key
from chalicelib.categories import CATEGORIES
from chalicelib.clock import Clock
from chalicelib.composed import Composed
from chalicelib.errors import MisconfiguredError, ThrottledError, UnavailableError
from chalicelib.flow.throttle import CallReport, Throttle
from chalicelib.manifest import CHANNELS
from chalicelib.observability import log_failure
from chalicelib.pipeline.eligibility import Eligibility, Objections
from chalicelib.pipeline.jobs import PROFILE_FIELDS, DeliverRecipient, EnrichJob, EnrichRecipient, LetterSpec
from chalicelib.pipeline.retry import Retries
from chalicelib.profiles.model import ProfileSource
from chalicelib.reasons import Reason
from chalicelib.storage.endpoints import Endpoints
from chalicelib.storage.users import Profile, Profiles, Wishes


class Known(NamedTuple):
    """The source's answer for a chunk: profiles by notification id, without unknown users; `unresolved` users got no
    answer, the data of `unreadable` ones cannot be read. `preferences`: see `Profiles`."""

    profiles: Mapping[str, Profile]
    unresolved: Set[str]
    unreadable: Set[str]
    preferences: Wishes | None


class ProfileLookup(Composed):
    """The profile source behind its throttle."""

    source: ProfileSource
    throttle: Throttle
    retries: Retries
    max_attempts: int

    def read(self, job: EnrichJob) -> Known | None:
        """None if the source cannot be asked now, and the job was put aside. Raises: UnavailableError (retryable) after
        the last attempt."""
        ids = {r.user_id for r in job.recipients if r.user_id}
        if not ids:
            return _known(job, Profiles(known={}))
        allowed = self.throttle.enter(len(ids), lane=job.letter.lane, divisible=False)
        if not allowed.units:
            self.retries.later(job, in_seconds=allowed.come_back_seconds)
            return None
        try:
            switchable = not CATEGORIES[job.letter.category].transactional
            found = self.source.get_many(ids, fresh=job.letter.lane == "instant", preferences=switchable)
        except UnavailableError as error:
            log_failure("profiles", error)
            self.throttle.learn([_report(error)], lane=job.letter.lane)
            self._put_aside(job, error)
            return None
        self.throttle.learn([CallReport()], lane=job.letter.lane)
        return _known(job, found)

    def ask_again(self, job: EnrichJob, unresolved: Set[str]) -> int:
        """Puts recipients without an answer into a job of their own; returns how many. Raises: UnavailableError
        (retryable) after the last attempt."""
        late = [one for one in job.recipients if one.user_id in unresolved]
        if late:
            self._put_aside(job.only(late), UnavailableError("the profile source did not answer for everybody"))
        return len(late)

    def _put_aside(self, job: EnrichJob, error: UnavailableError) -> None:
        if job.attempt >= self.max_attempts:
            raise error
        self.retries.again(job)


class Addresses(Composed):
    """Where a channel reaches people: a field of the profile, or the endpoints that they have registered."""

    endpoints: Endpoints

    def of(self, channel: str, people: Mapping[str, Profile]) -> dict[str, str]:
        """The address of each who has one, by the keys of `people`; at most one request for a hundred. Raises:
        UnavailableError (retryable)."""
        spec = CHANNELS[channel]
        found = {key: address for key, one in people.items() if (address := one.address(spec.address_field))}
        if not spec.endpoints or not found:
            return found
        usable = self.endpoints.usable(channel, found.values())
        return {key: address for key, address in found.items() if address in usable}


class ReachLook(NamedTuple):
    """What is known of a chunk on the channels that come now, by channel: why some cannot be reached (by notification
    id), and the others. `preferences` of the whole chunk, where they came with the profiles. `at`: as of when."""

    profiles: Mapping[str, Profile]
    preferences: Wishes | None
    skips: Mapping[str, Mapping[str, str]]
    people: Mapping[str, Sequence[DeliverRecipient]]
    objections: Objections
    at: str


class Answer(NamedTuple):
    """For one channel: who goes, who is skipped and why, who waits and until when; the last two by notification id."""

    going: Sequence[DeliverRecipient]
    skips: Mapping[str, str]
    waits: Mapping[str, datetime]


class Reach(Composed):
    """Decides who of a chunk is written to, by which channel."""

    addresses: Addresses
    consent: Eligibility
    clock: Clock
    default_locale: str

    def look(
        self, job: EnrichJob, profiles: Mapping[str, Profile], preferences: Wishes | None, *, at: str
    ) -> ReachLook:
        """Addresses and objections for the current channels: one read for all, if any (`preferences`: those that came
        with the profiles). Suppressed addresses are left to `deliver`, unless another channel would follow at once.
        Raises: UnavailableError (retryable)."""
        channels = job.channels[:1] if job.letter.one_by_one else job.channels
        sorted_out = {channel: self._sort(job, channel, profiles) for channel in channels}
        people = {channel: found for channel, (_, found) in sorted_out.items()}
        objections = self.consent.objections(
            job.letter.category, people, known=preferences, asked_again=not job.letter.one_by_one
        )
        skips = {channel: found for channel, (found, _) in sorted_out.items()}
        return ReachLook(profiles, preferences, skips, people, objections, at)

    def judge(self, job: EnrichJob, look: ReachLook) -> Answer:
        """The verdict for the first of the job's channels."""
        channel, asked = job.channels[0], {one.notification_id for one in job.recipients}
        skips = {one: reason for one, reason in look.skips[channel].items() if one in asked}
        people = [one for one in look.people[channel] if one.notification_id in asked]
        consent = self.consent.judge_letter(job.letter, channel, people, look.objections)
        waits = {one: until for one, until in consent.waits.items() if not job.letter.is_over(until)}
        skips |= consent.skips
        skips |= dict.fromkeys(consent.waits.keys() - waits.keys(), Reason.EXPIRED)
        skips |= _duplicates(job, channel, [one for one in people if one.notification_id not in skips])
        waits = {one: until for one, until in waits.items() if one not in skips}
        return Answer([one for one in people if one.notification_id not in {*skips, *waits}], skips, waits)

    def _language(self, letter: LetterSpec, profile: Profile) -> str:
        return profile.locale or letter.locale or self.default_locale

    def _sort(
        self, job: EnrichJob, channel: str, profiles: Mapping[str, Profile]
    ) -> tuple[dict[str, str], list[DeliverRecipient]]:
        """The reason for each recipient who cannot get anything, by notification id, and the rest."""
        addresses = self.addresses.of(channel, profiles)
        skips: dict[str, str] = {}
        people = []
        for recipient in job.recipients:
            profile = profiles.get(recipient.notification_id)
            address = addresses.get(recipient.notification_id)
            reason = self._reason_against(job, profile, address)
            if reason is None and recipient.duplicate and channel == "email":
                reason = Reason.DUPLICATE
            if reason is None and profile is not None and address is not None:
                people.append(self._deliverable(recipient, profile, address, job.letter, channel))
            elif reason is not None:
                skips[recipient.notification_id] = reason
        return skips, people

    def _deliverable(
        self, recipient: EnrichRecipient, profile: Profile, address: str, letter: LetterSpec, channel: str
    ) -> DeliverRecipient:
        return DeliverRecipient(
            notification_id=recipient.notification_id,
            spot=recipient.spot,
            user_id=recipient.user_id,
            address=address,
            locale=self._language(letter, profile),
            user={name: value for name, value in profile.to_dict().items() if name != "email_confirmed" and value},
            context=recipient.context,
            unconfirmed=not profile.owns(channel),
        )

    def _reason_against(self, job: EnrichJob, profile: Profile | None, address: str | None) -> str | None:
        if job.letter.is_over(self.clock()):
            return Reason.EXPIRED
        if profile is None:
            return Reason.UNKNOWN_USER
        if address is None:
            return Reason.NO_ADDRESS
        if job.letter.stop_when and job.letter.stop_when.holds(profile.to_dict()):
            return "not_needed_any_more"
        if job.letter.languages is not None and job.letter.languages.leave_out(self._language(job.letter, profile)):
            return Reason.NO_TRANSLATION
        return None


def _duplicates(job: EnrichJob, channel: str, people: Sequence[DeliverRecipient]) -> dict[str, str]:
    """Recipients whose address another of the chunk has: one letter goes there, preferably a user's. Account letters go
    to each user who shares an address: they are about different accounts."""
    transactional = CATEGORIES[job.letter.category].transactional
    taken: set[str] = set()
    found: dict[str, str] = {}
    for one in sorted(people, key=lambda one: one.user_id is None):
        key = same_address_key(channel, one.address)
        if key in taken and not (transactional and one.user_id):
            found[one.notification_id] = Reason.DUPLICATE
        taken.add(key)
    return found


def _report(error: UnavailableError) -> CallReport:
    """A source that refuses us is left alone too, until somebody has fixed what the breaker gives as the reason."""
    if isinstance(error, ThrottledError):
        return CallReport(slow_down=True)
    return CallReport(failure=error.detail if isinstance(error, MisconfiguredError) else Reason.NO_ANSWER)


def _known(job: EnrichJob, found: Profiles) -> Known:
    profiles = {}
    for recipient in job.recipients:
        if recipient.profile is not None:
            given = {name: recipient.profile[name] for name in PROFILE_FIELDS if name in recipient.profile}
            profiles[recipient.notification_id] = Profile(id="", **given)
        elif recipient.user_id and recipient.user_id in found.known:
            profiles[recipient.notification_id] = found.known[recipient.user_id]
    return Known(profiles, found.unresolved, found.unreadable, found.preferences)
