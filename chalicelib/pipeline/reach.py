"""Which recipients of a chunk a letter may reach, on which channel, and what stands against the others."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from chalicelib.addresses import same_address_key
from chalicelib.categories import CATEGORIES
from chalicelib.clock import Clock
from chalicelib.pipeline.channel_addresses import Addresses
from chalicelib.pipeline.digest_categories import judged
from chalicelib.pipeline.eligibility import Addressee, ConsentDesk
from chalicelib.pipeline.jobs import EnrichJob, EnrichRecipient, LetterSpec
from chalicelib.profiles.opt_outs import Objections
from chalicelib.reasons import Reason
from chalicelib.storage.users import Profile, Wishes


class Candidate(NamedTuple):
    """A recipient with their profile, and their address."""

    recipient: EnrichRecipient
    profile: Profile
    address: str


class Look(NamedTuple):
    """A chunk's data for the current channels: addresses by channel and notification id. `preferences` of the whole
    chunk, if they came with the profiles. `at`: as of when."""

    profiles: Mapping[str, Profile]
    preferences: Wishes | None
    addresses: Mapping[str, Mapping[str, str]]
    objections: Objections
    at: str


class Answer(NamedTuple):
    """For one channel: who goes, who is skipped and why, who waits and until when; the last two by notification id."""

    going: Sequence[Candidate]
    skips: Mapping[str, str]
    waits: Mapping[str, datetime]


class Reach:
    """Decides who is reached."""

    def __init__(self, *, addresses: Addresses, consent: ConsentDesk, clock: Clock) -> None:
        self._addresses = addresses
        self._consent = consent
        self._clock = clock

    def look(self, job: EnrichJob, profiles: Mapping[str, Profile], preferences: Wishes | None, *, at: str) -> Look:
        """Addresses and objections for the current channels: one read for all, if any (`preferences`: those that came
        with the profiles). Suppressed addresses are left to `deliver`, unless another channel would follow at once.
        Raises: UnavailableError (retryable)."""
        channels = job.channels[:1] if job.letter.one_by_one else job.channels
        addresses = {channel: self._addresses.of(channel, profiles) for channel in channels}
        asked = {
            channel: [_addressee(one, job.letter) for one in self._sort(job, channel, profiles, addresses[channel])[1]]
            for channel in channels
        }
        objections = self._consent.objections(
            job.letter.category, asked, known=preferences, asked_again=not job.letter.one_by_one
        )
        return Look(profiles, preferences, addresses, objections, at)

    def judge(self, job: EnrichJob, look: Look) -> Answer:
        """The verdict for the first of the job's channels."""
        channel = job.channels[0]
        skips, candidates = self._sort(job, channel, look.profiles, look.addresses[channel])
        asked = [_addressee(one, job.letter) for one in candidates]
        consent = judged(self._consent, job.letter, channel, asked, look.objections)
        waits = {one: until for one, until in consent.waits.items() if not job.letter.is_over(until)}
        skips |= consent.skips
        skips |= dict.fromkeys(consent.waits.keys() - waits.keys(), Reason.EXPIRED)
        skips |= _duplicates(job, channel, [one for one in candidates if one.recipient.notification_id not in skips])
        waits = {one: until for one, until in waits.items() if one not in skips}
        aside = {*skips, *waits}
        return Answer([one for one in candidates if one.recipient.notification_id not in aside], skips, waits)

    def _sort(
        self, job: EnrichJob, channel: str, profiles: Mapping[str, Profile], addresses: Mapping[str, str]
    ) -> tuple[dict[str, str], list[Candidate]]:
        """The reason for each recipient who cannot get anything, by notification id, and the rest."""
        skips: dict[str, str] = {}
        candidates = []
        for recipient in job.recipients:
            profile = profiles.get(recipient.notification_id)
            address = addresses.get(recipient.notification_id)
            reason = self._reason_against(job, profile, address)
            if reason is None and recipient.duplicate and channel == "email":
                reason = Reason.DUPLICATE
            if reason is None and profile is not None and address is not None:
                candidates.append(Candidate(recipient, profile, address))
            elif reason is not None:
                skips[recipient.notification_id] = reason
        return skips, candidates

    def _reason_against(self, job: EnrichJob, profile: Profile | None, address: str | None) -> str | None:
        if job.letter.is_over(self._clock()):
            return Reason.EXPIRED
        if profile is None:
            return Reason.UNKNOWN_USER
        if address is None:
            return Reason.NO_ADDRESS
        if job.letter.stop_when and job.letter.stop_when.holds(profile.to_dict()):
            return "not_needed_any_more"
        return None


def _duplicates(job: EnrichJob, channel: str, candidates: Sequence[Candidate]) -> dict[str, str]:
    """Recipients whose address another of the chunk has: one letter goes there, preferably a user's. Account letters go
    to each user who shares an address: they are about different accounts."""
    transactional = CATEGORIES[job.letter.category].transactional
    taken: set[str] = set()
    found: dict[str, str] = {}
    for one in sorted(candidates, key=lambda one: one.recipient.user_id is None):
        key = same_address_key(channel, one.address)
        if key in taken and not (transactional and one.recipient.user_id):
            found[one.recipient.notification_id] = Reason.DUPLICATE
        taken.add(key)
    return found


def _addressee(candidate: Candidate, letter: LetterSpec) -> Addressee:
    return Addressee(
        notification_id=candidate.recipient.notification_id,
        user_id=candidate.recipient.user_id,
        address=candidate.address,
        zone=candidate.profile.timezone,
        accepted_at=letter.accepted_at,
    )
