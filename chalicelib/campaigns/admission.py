"""What every chunk of a campaign must pass in `enrich` and `deliver`: is the campaign running, is it its turn, and what
more do its letters need. A pause takes effect on every sending worker within one chunk."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.campaigns.content_source import Content, ContentSource
from chalicelib.campaigns.held_chunks import Chunk, notification_of
from chalicelib.clock import expiry_epoch, parse_rfc3339
from chalicelib.composed import Composed
from chalicelib.deliveries import DeliveryKey, DeliveryStatus
from chalicelib.errors import UnavailableError
from chalicelib.flow.queues import MAX_DELAY_SECONDS
from chalicelib.manifest import CHANNELS
from chalicelib.pipeline.fallback import ended
from chalicelib.pipeline.jobs import DeliverJob, Enlisted, EnrichJob, EnrichRecipient, as_known
from chalicelib.pipeline.requests import OwnerOf, enlist_notifications
from chalicelib.pipeline.retry import Retries
from chalicelib.reasons import Reason
from chalicelib.schemas import recalled
from chalicelib.states import HELD
from chalicelib.states import CampaignState as S
from chalicelib.storage.campaign_recipients import known_notifications
from chalicelib.storage.campaign_standing import read_standing
from chalicelib.storage.circuit_breakers import CircuitBreakers
from chalicelib.storage.held_chunks import PAUSED, HeldChunks
from chalicelib.storage.ledger import Ledger
from chalicelib.storage.rate_limits import RateLimiter

if TYPE_CHECKING:
    from chalicelib.campaigns.halt import Halt

KNOWN_FOR_SECONDS = 1.0
_SOON_SECONDS = 0.2
_LANE = "bulk"  # of every campaign
_PROFILES = "profiles"  # the subsystem that `enrich` calls


class _Known(NamedTuple):
    until: float
    state: str
    rate: float
    refusals: float


class KnownCampaigns(Composed):
    """State and rate of campaigns, at most KNOWN_FOR_SECONDS old unless requested fresh. The breaker and the limit of
    the subsystem to be called, which the throttle needs next, come with the same request. `site_tag` is that of the
    settings in this process: a campaign approved with others is held."""

    clock: Callable[[], float]  # monotonic seconds
    switches: CircuitBreakers
    limiter: RateLimiter
    site_tag: Callable[[], str]

    @cached_property
    def _known(self) -> dict[str, _Known]:
        return {}

    def state(self, campaign_id: str, *, subsystem: str, fresh: bool = False) -> str:
        """`paused` if it is held in any way, `cancelled` if it does not exist; `fresh`: as of now. Raises:
        UnavailableError (retryable)."""
        known = self._known.get(campaign_id)
        if fresh or known is None or known.until <= self.clock():
            known = self._known[campaign_id] = self._read(campaign_id, subsystem)
        return known.state

    def rate(self, limit: str) -> float:
        """The rate of the limit `campaign.<id>`, for the rate limiter; `state` was called before."""
        known = self._known.get(limit.partition(".")[2])
        return known.rate if known else 1.0

    def refusals(self, campaign_id: str) -> float:
        """How many of its letters were refused in a row; `state` was called before."""
        known = self._known.get(campaign_id)
        return known.refusals if known else 0.0

    def _read(self, campaign_id: str, subsystem: str) -> _Known:
        found = read_standing(
            campaign_id, subsystem=subsystem, lane=_LANE, switches=self.switches, limiter=self.limiter
        )
        state, approved = found.state, found.approved_site
        if state in HELD or (state != S.CANCELLED and approved is not None and approved != self.site_tag()):
            state = S.PAUSED  # `tick` records why, and asks for approval
        return _Known(self.clock() + KNOWN_FOR_SECONDS, state, found.rate_per_second, found.refusals)


class ChunkAdmission(Composed):
    """Implements `pipeline.campaign_port.CampaignPort`. `limiter` takes its rates from `known`; `provider_limits` are
    those of the throttles."""

    known: KnownCampaigns
    held: HeldChunks
    content: ContentSource
    ledger: Ledger
    retries: Retries
    limiter: RateLimiter
    provider_limits: RateLimiter
    sleep: Callable[[float], None]
    max_attempts: int
    retention_days: int
    owner: OwnerOf
    halt: "Callable[[], Halt]"  # made with the first refusal: most workers never need it

    def admit(self, job: EnrichJob) -> EnrichJob | None:
        """See `CampaignPort`."""
        state = self.known.state(job.letter.campaign_id or "", subsystem=_PROFILES)
        if state == S.PAUSED:
            parked = Chunk(
                channels=job.channels,
                recipients=job.recipients,
                attempt=job.attempt,
                again=job.again,
                variant=job.letter.variant,
            )
            self.held.put(job.letter.run_id or "", PAUSED, [parked])
            return None
        if not job.again:
            job = self._enlisted(job)
        if state == S.CANCELLED:
            self._cancel(job.recipients, job.channels)
            return None
        return self._with_content(job)

    def admits(self, job: DeliverJob) -> bool:
        """See `CampaignPort`. The campaign's own rate is enforced here: delays alone would not hold after a jam. The
        state is read with every chunk: after a pause each worker finishes its current chunk, and no more."""
        campaign_id = job.letter.campaign_id or ""
        subsystem = CHANNELS[job.channel].subsystem
        state = self.known.state(campaign_id, subsystem=subsystem, fresh=True)
        if state == S.PAUSED:
            recipients = tuple(as_known(r) for r in job.recipients)
            parked = Chunk(
                channels=(job.channel, *job.then), recipients=recipients, again=True, variant=job.letter.variant
            )
            self.held.put(job.letter.run_id or "", PAUSED, [parked])
            return False
        if state == S.CANCELLED:
            self._cancel(job.recipients, [job.channel, *job.then])
            return False
        limit = f"campaign.{campaign_id}"
        # The throttle enforces the provider's limit: a campaign that may go as fast needs none of its own.
        if job.paced or self.known.rate(limit) >= self.provider_limits.rate(f"{subsystem}.{_LANE}"):
            return True
        return self._is_its_turn(job, limit)

    def believed(self, job: DeliverJob, *, refused: int, accepted: int, said: str) -> int:
        """See `CampaignPort`."""
        campaign_id = job.letter.campaign_id or ""
        known = self.known.refusals(campaign_id)
        if not (refused or known):
            return refused
        return self.halt().believed(campaign_id, known=known, refused=refused, accepted=accepted, said=said)

    def states_of(self, job: DeliverJob, user_ids: Collection[str]) -> Mapping[str, DeliveryStatus | None]:
        """See `CampaignPort`."""
        ids = {notification_of(job.letter.run_id or "", user_id=one): one for one in user_ids}
        keys = [DeliveryKey(one, job.channel) for one in known_notifications(ids)]
        states = {key: one.status for key, one in self.ledger.states(keys).items()}
        return {ids[one.notification_id]: DeliveryStatus(states[one]) if states.get(one) else None for one in keys}

    def _is_its_turn(self, job: DeliverJob, limit: str) -> bool:
        """A chunk whose turn comes later gets it reserved and waits in the retry queue: no worker waits with it."""
        grant = self.limiter.take(limit, len(job.recipients), max_wait_seconds=MAX_DELAY_SECONDS)
        if grant.granted and grant.wait_seconds <= _SOON_SECONDS:
            self.sleep(grant.wait_seconds)
            return True
        turn = job.model_copy(update={"paced": True}) if grant.granted else job
        self.retries.later(turn, in_seconds=grant.wait_seconds)
        return False

    def _cancel(self, recipients: Sequence[Enlisted], channels: Sequence[str]) -> None:
        self.ledger.move(ended(recipients, channels, DeliveryStatus.CANCELLED, Reason.CAMPAIGN_CANCELLED))

    def _enlisted(self, job: EnrichJob) -> EnrichJob:
        """The job with the spot of each letter, which is its for ever: however often its recipient comes, and in
        whatever chunk, they get it from there once."""
        spots = enlist_notifications(
            job.letter,
            {one.notification_id: one.profile or {"user_id": one.user_id} for one in job.recipients}.items(),
            channels=job.channels,
            expires_at_epoch=expiry_epoch(self.retention_days, since=parse_rfc3339(job.letter.accepted_at)),
            owner=self.owner,
        )
        return job.only(one.model_copy(update={"spot": spots[one.notification_id]}) for one in job.recipients)

    def _with_content(self, job: EnrichJob) -> EnrichJob | None:
        if job.letter.content is None:
            return job
        content = recalled(Content, job.letter.content)
        try:
            if content.kind == "shared":
                more = {content.name: self.content.shared(content)}
                letter = job.letter.model_copy(update={"context": {**job.letter.context, **more}})
                return job.model_copy(update={"letter": letter})
            users = [r.user_id for r in job.recipients if r.user_id]
            found = self.content.personal(content, users) if users else {}
        except UnavailableError:
            found = {}
        return self._split(job, content, found)

    def _split(self, job: EnrichJob, content: Content, found: Mapping[str, Any]) -> EnrichJob | None:
        """Those who have content continue with it; the others as the campaign says."""
        ready: list[EnrichRecipient] = []
        missing: list[EnrichRecipient] = []
        for one in job.recipients:
            if one.user_id is not None and one.user_id in found:
                ready.append(one.model_copy(update={"context": {content.name: found[one.user_id]}}))
            elif content.on_failure == "send_without":
                ready.append(one)
            else:
                missing.append(one)
        if missing:
            rest = job.only(missing)
            if content.on_failure == "retry" and job.attempt < self.max_attempts:
                self.retries.again(rest)
            else:
                self.ledger.move(ended(missing, job.channels, DeliveryStatus.SKIPPED, Reason.NO_CONTENT))
        return job.only(ready) if ready else None
