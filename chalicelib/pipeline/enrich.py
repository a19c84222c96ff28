"""Adds what must be fresh to a chunk of recipients: who is it, may we, where, in which language. Called by
`functions/enrich.py` for every job of the enrich queues; what passes goes on to `deliver`, what does not is recorded as
skipped with its reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.clock import Clock
from chalicelib.control.gate import Gate, Report
from chalicelib.control.queues import JobQueue, Outgoing
from chalicelib.errors import UnavailableError
from chalicelib.pipeline.addresses import Addresses
from chalicelib.pipeline.aftermath import Aftermath
from chalicelib.pipeline.campaign_port import CampaignPort
from chalicelib.pipeline.collect import Collect
from chalicelib.pipeline.consent import Addressee, ConsentDesk
from chalicelib.pipeline.jobs import (
    CHUNK_SIZE,
    PROFILE_FIELDS,
    DeliverJob,
    DeliverRecipient,
    EnrichJob,
    EnrichRecipient,
    LetterSpec,
    chunks,
    deliver_queue,
)
from chalicelib.pipeline.ledger import DeliveryKey, Ledger, Move
from chalicelib.pipeline.retry import Retries
from chalicelib.pipeline.statuses import DeliveryStatus
from chalicelib.pipeline.waiting import EXPIRED, QUIET, waiting
from chalicelib.profiles.model import Profile
from chalicelib.profiles.objections import Objections
from chalicelib.profiles.source import Profiles, ProfileSource

_LOOK_AGAIN_SECONDS = 60  # at a channel of which nothing is known yet


@dataclass
class Enriched:
    """What became of a chunk, for the log and the metrics."""

    queued: int = 0
    held: int = 0
    postponed: int = 0
    skipped: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Candidate:
    recipient: EnrichRecipient
    profile: Profile
    address: str

    def addressee(self) -> Addressee:
        return Addressee(
            notification_id=self.recipient.notification_id,
            user_id=self.recipient.user_id,
            address=self.address,
            zone=self.profile.timezone,
        )


@dataclass(frozen=True)
class _Look:
    """What is known of a chunk on the channels that come now: addresses by channel and notification id."""

    profiles: Mapping[str, Profile]
    addresses: Mapping[str, Mapping[str, str]]
    objections: Objections


class Enrich:
    """The enricher of one stage."""

    def __init__(
        self,
        *,
        profiles: ProfileSource,
        addresses: Addresses,
        aftermath: Aftermath,
        collect: Collect,
        consent: ConsentDesk,
        ledger: Ledger,
        queues: JobQueue,
        retries: Retries,
        campaigns: CampaignPort,
        gate: Gate,
        max_attempts: int,
        clock: Clock,
        default_locale: str,
    ) -> None:
        self._profiles = profiles
        self._addresses = addresses
        self._aftermath = aftermath
        self._collect = collect
        self._consent = consent
        self._ledger = ledger
        self._queues = queues
        self._retries = retries
        self._campaigns = campaigns
        self._gate = gate
        self._max_attempts = max_attempts
        self._clock = clock
        self._default_locale = default_locale

    def enrich(self, job: EnrichJob) -> Enriched:
        """Sends the chunk on, by channel. Repeating it is harmless: a delivery that has moved on is not touched, a job
        put twice is claimed once. Raises: UnavailableError (retryable)."""
        result = Enriched()
        if job.letter.run_id is not None:
            admitted = self._campaigns.admit(job)
            result.held = len(job.recipients) - (len(admitted.recipients) if admitted else 0)
            if admitted is None:
                return result
            job = admitted
        known = self._read_profiles(job, result)
        if known is None:
            return result
        whole = job
        job = whole.model_copy(update={"recipients": _of(whole, known.unresolved, among=False)})
        profiles = _by_notification(job, known)
        look = self._look(job, profiles)
        wishes = look.objections.preferences
        collected = self._collect.collect(job, profiles, wishes) if job.after is None else frozenset()
        result.postponed += len(collected)
        now = tuple(r for r in job.recipients if r.notification_id not in collected)
        job = job.model_copy(update={"recipients": now})
        if job.letter.one_by_one:
            self._one_by_one(job, look, result)
        else:
            for channel in job.channels:
                self._send_by(job.model_copy(update={"channels": (channel,)}), look, result)
        # Last, as it may raise: who was answered for is not held up by the others.
        self._ask_again(whole, known.unresolved, result)
        return result

    def _look(self, job: EnrichJob, profiles: Mapping[str, Profile]) -> _Look:
        """Where people are reached and what they have against it, on the channels that come now: one read of both
        objections for all."""
        channels = job.channels[:1] if job.letter.one_by_one else job.channels
        addresses = {channel: self._addresses.of(channel, profiles) for channel in channels}
        asked = {
            channel: [c.addressee() for c in self._sort(job, profiles, addresses[channel])[1]] for channel in channels
        }
        return _Look(profiles, addresses, self._consent.objections(job.letter.category, asked, asked_again=True))

    def _one_by_one(self, job: EnrichJob, look: _Look, result: Enriched) -> None:
        """Everybody by the first channel that is open to them; the ones behind it follow in their own time."""
        left: EnrichJob | None = self._still_needed(job, result)
        while left is not None:
            skipped = self._send_by(left, look, result)
            rest = tuple(r for r in left.recipients if r.notification_id in skipped)
            following = {"channels": left.channels[1:], "recipients": rest}
            left = left.model_copy(update=following) if rest and following["channels"] else None
            if left is not None:
                look = self._look(left, look.profiles)

    def _still_needed(self, job: EnrichJob, result: Enriched) -> EnrichJob | None:
        """Those for whom the channel before was not enough; of the others the rest is skipped."""
        if job.after is None:
            return job
        enough = self._aftermath.of(job)
        for reason in sorted(set(enough.skips.values())):
            ids = [one for one, why in enough.skips.items() if why == reason]
            for channel in job.channels:
                self._record(job, channel, dict.fromkeys(ids, reason), rule=job.letter.rule)
            result.skipped[reason] = result.skipped.get(reason, 0) + len(ids)
        if enough.unknown:
            later = tuple(r for r in job.recipients if r.notification_id in enough.unknown)
            self._retries.later(job.model_copy(update={"recipients": later}), in_seconds=_LOOK_AGAIN_SECONDS)
            result.held += len(later)
        aside = {*enough.skips, *enough.unknown}
        needed = tuple(r for r in job.recipients if r.notification_id not in aside)
        return job.model_copy(update={"recipients": needed, "after": None}) if needed else None

    def _send_by(self, job: EnrichJob, look: _Look, result: Enriched) -> Mapping[str, str]:
        """Sends on by the first of the job's channels; answers who is skipped there, with the reason."""
        channel = job.channels[0]
        skips, candidates = self._sort(job, look.profiles, look.addresses[channel])
        asked = [c.addressee() for c in candidates]
        consent = self._consent.judge(job.letter.category, channel, asked, look.objections)
        skips |= consent.skips
        waits = {one: until for one, until in consent.waits.items() if not job.letter.is_over(until)}
        skips |= dict.fromkeys(consent.waits.keys() - waits.keys(), EXPIRED)
        self._record(job, channel, skips, rule=job.letter.rule)
        self._postpone(job, waits)
        aside = {*skips, *waits}
        going = [c for c in candidates if c.recipient.notification_id not in aside]
        self._send_on(job, channel, going)
        result.queued += len(going)
        result.postponed += len(waits)
        for reason in skips.values():
            result.skipped[reason] = result.skipped.get(reason, 0) + 1
        return skips

    def _read_profiles(self, job: EnrichJob, result: Enriched) -> Profiles | None:
        """None where the source cannot be asked now, and the job was put aside."""
        ids = {r.user_id for r in job.recipients if r.user_id}
        if not ids:
            return Profiles(known={})
        allowed = self._gate.enter(len(ids), lane=job.letter.lane, divisible=False)
        if not allowed.units:
            self._retries.later(job, in_seconds=allowed.come_back_seconds)
            result.held = len(job.recipients)
            return None
        try:
            known = self._profiles.get_many(ids, fresh=job.letter.lane == "instant")
        except UnavailableError:
            self._gate.learn([Report(failure="no_answer")], lane=job.letter.lane)
            self._put_aside(job)
            result.held = len(job.recipients)
            return None
        self._gate.learn([Report()], lane=job.letter.lane)
        return known

    def _put_aside(self, job: EnrichJob) -> None:
        if job.attempt >= self._max_attempts:
            raise UnavailableError("the profile source did not answer at any attempt")
        self._retries.again(job)

    def _ask_again(self, job: EnrichJob, unresolved: frozenset[str], result: Enriched) -> None:
        """Those who were not answered for come back in a job of their own."""
        late = _of(job, unresolved, among=True)
        if late:
            self._put_aside(job.model_copy(update={"recipients": late}))
            result.held += len(late)

    def _sort(
        self, job: EnrichJob, profiles: Mapping[str, Profile], addresses: Mapping[str, str]
    ) -> tuple[dict[str, str], list[_Candidate]]:
        """The reason of each recipient who can get nothing, by notification id, and the rest."""
        skips: dict[str, str] = {}
        candidates = []
        for recipient in job.recipients:
            profile = profiles.get(recipient.notification_id)
            address = addresses.get(recipient.notification_id)
            reason = self._reason_against(job, profile, address)
            if reason is None and profile is not None and address is not None:
                candidates.append(_Candidate(recipient, profile, address))
            elif reason is not None:
                skips[recipient.notification_id] = reason
        return skips, candidates

    def _reason_against(self, job: EnrichJob, profile: Profile | None, address: str | None) -> str | None:
        if job.letter.is_over(self._clock()):
            return EXPIRED
        if profile is None:
            return "unknown_user"
        if address is None:
            return "no_address"
        if job.letter.stop_when and job.letter.stop_when.holds(profile.to_dict()):
            return "not_needed_any_more"
        return None

    def _postpone(self, job: EnrichJob, waits: Mapping[str, datetime]) -> None:
        """Puts those aside who want quiet now: they come back to `enrich`, which reads again what is known of them."""
        for until in sorted(set(waits.values())):
            late = tuple(r for r in job.recipients if waits.get(r.notification_id) == until)
            self._ledger.move(waiting(job.letter, [r.notification_id for r in late], job.channels[:1], QUIET, until))
            self._retries.until(job.model_copy(update={"recipients": late, "attempt": 1, "again": True}), until)

    def _record(self, job: EnrichJob, channel: str, skips: Mapping[str, str], *, rule: str | None) -> None:
        self._ledger.move(
            [
                Move(
                    DeliveryKey(notification_id, channel),
                    DeliveryStatus.SKIPPED,
                    reason=reason,
                    rule=rule,
                    request_id=job.letter.request_id,
                    run_id=job.letter.run_id,
                )
                for notification_id, reason in skips.items()
            ]
        )

    def _send_on(self, job: EnrichJob, channel: str, going: Sequence[_Candidate]) -> None:
        recipients = [self._deliverable(candidate, job.letter) for candidate in going]
        then = job.channels[1:] if job.letter.one_by_one else ()
        # An instant letter has a message of its own, so that a slow or bad one holds up nobody.
        jobs = [
            DeliverJob(letter=job.letter, channel=channel, recipients=chunk, then=then)
            for chunk in chunks(recipients, size=1 if job.letter.lane == "instant" else CHUNK_SIZE)
        ]
        self._queues.put(deliver_queue(channel, job.letter.lane), [Outgoing(j.model_dump_json()) for j in jobs])

    def _deliverable(self, candidate: _Candidate, letter: LetterSpec) -> DeliverRecipient:
        profile = candidate.profile
        user = {name: value for name, value in profile.to_dict().items() if name != "email_confirmed" and value}
        return DeliverRecipient(
            notification_id=candidate.recipient.notification_id,
            user_id=candidate.recipient.user_id,
            address=candidate.address,
            locale=profile.locale or letter.locale or self._default_locale,
            user=user,
            context=candidate.recipient.context,
        )


def _of(job: EnrichJob, user_ids: frozenset[str], *, among: bool) -> tuple[EnrichRecipient, ...]:
    return tuple(r for r in job.recipients if (r.user_id in user_ids) is among)


def _by_notification(job: EnrichJob, known: Profiles) -> dict[str, Profile]:
    """The profile of each recipient; an unknown user is left out."""
    profiles = {}
    for recipient in job.recipients:
        if recipient.profile is not None:
            given = {name: recipient.profile[name] for name in PROFILE_FIELDS if name in recipient.profile}
            profiles[recipient.notification_id] = Profile(id="", **given)
        elif recipient.user_id and recipient.user_id in known.known:
            profiles[recipient.notification_id] = known.known[recipient.user_id]
    return profiles
