"""One shard of a run at work, and when each of its recipients gets the letter: at once, at a time of their own or of
their variant, or once the rest of the run is released."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import NamedTuple

from chalicelib.campaigns.experiment import Experiment
from chalicelib.campaigns.held_chunks import Chunk, Slot, Slots
from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.pacing import Pace
from chalicelib.campaigns.schedule import BEST_HOUR, RECIPIENT, best_moment, local_moment
from chalicelib.campaigns.targets import Target
from chalicelib.deliveries import time_name
from chalicelib.pipeline.jobs import EnrichRecipient
from chalicelib.states import CampaignState
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.held_chunks import AT, REST
from chalicelib.storage.runs import Run
from chalicelib.storage.shards import Shard

NOW = "now"
_SOON = timedelta(seconds=30)  # a moment this near is not waited for


class ShardWork(NamedTuple):
    """One shard of a run, with everything needed to work on it."""

    head: CampaignHead
    run: Run
    spec: Campaign
    shard: Shard
    pace: Pace

    @property
    def cancelled(self) -> bool:
        return self.head.state == CampaignState.CANCELLED

    @property
    def canary_percent(self) -> int | None:
        return None if self.run.resend_of else self.spec.canary_percent

    @property
    def scheduled(self) -> datetime:
        return datetime.fromisoformat(self.run.scheduled_at)

    def chunk(self, slot: Slot, recipients: tuple[EnrichRecipient, ...]) -> Chunk:
        """The recipients of one slot together."""
        return Chunk(channels=tuple(self.run.channels), recipients=recipients, variant=slot.variant)


def slots_of(work: ShardWork, targets: Sequence[Target], *, now: datetime, default_zone: str) -> tuple[Slots, int]:
    """The recipients by when they get it, and how many of them get it before the rest."""
    slots: Slots = {}
    canary = 0
    if work.canary_percent:
        planned = work.shard.targeted + len(targets)
        canary = ceil(planned * work.canary_percent / 100) - work.shard.canary
    for n, target in enumerate(targets):
        if work.canary_percent:
            slot = Slot(NOW if n < canary else REST)
        elif work.run.resend_of:
            slot = Slot(NOW, target.variant)
        elif work.spec.experiment:
            slot = _of_variant(work, target, work.spec.experiment, now=now)
            canary += slot.variant is not None
        else:
            slot = Slot(_own_time(work, target, now=now, default_zone=default_zone))
        slots.setdefault(slot, []).append(target.recipient)
    return slots, canary


def _of_variant(work: ShardWork, target: Target, experiment: Experiment, *, now: datetime) -> Slot:
    variant = experiment.assigned(target.recipient.notification_id)
    if variant is None:
        return Slot(REST)
    return Slot(_at(experiment.moment(variant, work.scheduled), now=now), variant)


def _own_time(work: ShardWork, target: Target, *, now: datetime, default_zone: str) -> str:
    if not (work.spec.timezone == RECIPIENT or work.spec.best_hour):
        return NOW
    zone, moment = target.zone or default_zone, work.scheduled
    if work.spec.timezone == RECIPIENT:
        moment = local_moment(moment, zone)
    if work.spec.best_hour and target.profile is not None:
        moment = best_moment(target.profile.attributes.get(BEST_HOUR), zone=zone, after=moment)
    return _at(moment, now=now)


def _at(moment: datetime, *, now: datetime) -> str:
    return NOW if moment - now <= _SOON else f"{AT}{time_name(moment)}#"
