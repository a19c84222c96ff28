"""What workers ask of running campaigns."""

import time
from functools import cache
from typing import TYPE_CHECKING

from chalicelib.campaigns.admission import Admission, Heads
from chalicelib.campaigns.content import ContentSource
from chalicelib.campaigns.parking import Parking
from chalicelib.campaigns.runs import Runs
from chalicelib.campaigns.store import CampaignStore
from chalicelib.clock import now
from chalicelib.control.limits import Limiter
from chalicelib.settings import settings
from chalicelib.wiring.control import queues, site_settings
from chalicelib.wiring.ledger import ledger, retries
from chalicelib.wiring.letters import templates

if TYPE_CHECKING:
    import requests


@cache
def campaigns() -> CampaignStore:
    """The campaigns."""
    return CampaignStore(clock=now)


@cache
def parking() -> Parking:
    """A campaign's chunks that wait."""
    return Parking(clock=now, retention_days=settings().retention_days)


@cache
def content_source() -> ContentSource:
    """More content for a campaign's letters."""

    def session() -> "requests.Session":
        from chalicelib.control.web import guarded_session

        return guarded_session(allow_private=settings().private_addresses)

    return ContentSource(session=session, clock=time.monotonic)


@cache
def admission() -> Admission:
    """What stands before every chunk of a campaign."""
    heads = Heads(clock=time.monotonic)
    return Admission(
        heads=heads,
        parking=parking(),
        content=content_source(),
        ledger=ledger(),
        retries=retries(),
        limiter=Limiter(clock=now, default_rates=heads.rate, block_seconds=0),  # a call is a whole chunk
        sleep=time.sleep,
        max_attempts=settings().max_attempts,
        retention_days=settings().retention_days,
    )


@cache
def runs() -> Runs:
    """The runs of campaigns."""
    return Runs(
        templates=templates(),
        site=site_settings(),
        parking=parking(),
        queues=queues(),
        clock=now,
        retention_days=settings().retention_days,
    )
