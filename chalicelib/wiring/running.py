"""What workers ask of running campaigns."""

import time
from functools import cache
from typing import TYPE_CHECKING

from chalicelib.clock import now
from chalicelib.settings import settings
from chalicelib.wiring.control import limiter, queues, site_settings, switches
from chalicelib.wiring.ledger import hours, ledger, retries
from chalicelib.wiring.letters import templates
from chalicelib.wiring.people import directory
from chalicelib.wiring.signing import address_hashes

if TYPE_CHECKING:
    import requests

    from chalicelib.campaigns.admission import Admission
    from chalicelib.campaigns.approval import Approvals
    from chalicelib.campaigns.content_source import ContentSource
    from chalicelib.campaigns.halt import Halt
    from chalicelib.campaigns.held_chunks import Parking
    from chalicelib.campaigns.letter_inputs import CampaignInputs
    from chalicelib.campaigns.recipient_sources import Sources
    from chalicelib.campaigns.refusal_pause import RunRefusals
    from chalicelib.campaigns.runs import Runs
    from chalicelib.campaigns.store import CampaignStore
    from chalicelib.storage.recipient_lists import RecipientLists


@cache
def campaigns() -> "CampaignStore":
    """The campaigns."""
    from chalicelib.campaigns.store import CampaignStore

    return CampaignStore(clock=now)


@cache
def lists() -> "RecipientLists":
    """Uploaded audiences."""
    from chalicelib.storage.recipient_lists import RecipientLists

    return RecipientLists(clock=now)


@cache
def sources() -> "Sources":
    """Where the recipients of runs come from."""
    from chalicelib.campaigns.recipient_sources import Sources

    return Sources(directory=directory(), lists=lists(), default_zone=settings().default_timezone)


@cache
def parking() -> "Parking":
    """A campaign's chunks that wait."""
    from chalicelib.campaigns.held_chunks import Parking

    return Parking(clock=now, retention_days=settings().retention_days)


@cache
def content_source() -> "ContentSource":
    """More content for a campaign's letters."""
    from chalicelib.campaigns.content_source import ContentSource

    def session() -> "requests.Session":
        from chalicelib.security.outbound_http import guarded_session

        return guarded_session(allow_private=settings().private_addresses)

    return ContentSource(session=session, clock=time.monotonic)


@cache
def run_refusals() -> "RunRefusals":
    """Pauses runs whose letters are refused one after another."""
    from chalicelib.campaigns.refusal_pause import RunRefusals

    return RunRefusals(halt=halt())


@cache
def halt() -> "Halt":
    """Pauses campaigns that cannot go on."""
    from chalicelib.campaigns.halt import Halt

    return Halt(campaigns=campaigns())


@cache
def admission() -> "Admission":
    """What stands before every chunk of a campaign."""
    from chalicelib.campaigns.admission import Admission, Heads
    from chalicelib.configuration.letter_settings import tag_now
    from chalicelib.storage.rate_limits import Limiter

    heads = Heads(clock=time.monotonic, switches=switches(), limiter=limiter(), site_tag=tag_now(site_settings()))
    return Admission(
        heads=heads,
        parking=parking(),
        content=content_source(),
        ledger=ledger(),
        retries=retries(),
        limiter=Limiter(clock=now, default_rates=heads.rate, block_seconds=0),  # a call is a whole chunk
        provider_limits=limiter(),
        sleep=time.sleep,
        max_attempts=settings().max_attempts,
        retention_days=settings().retention_days,
        owner=address_hashes().owner,
        refusals=run_refusals,
    )


@cache
def campaign_inputs() -> "CampaignInputs":
    """All that makes a campaign's letters."""
    from chalicelib.campaigns.letter_inputs import CampaignInputs

    return CampaignInputs(templates=templates(), site=site_settings(), lists=lists(), stage=settings())


@cache
def approvals() -> "Approvals":
    """What was approved of campaigns."""
    from chalicelib.campaigns.approval import Approvals

    return Approvals(campaigns=campaigns(), inputs=campaign_inputs())


@cache
def runs() -> "Runs":
    """The runs of campaigns."""
    from chalicelib.campaigns.run_planner import RunPlanner
    from chalicelib.campaigns.runs import Runs

    return Runs(
        planner=RunPlanner(inputs=campaign_inputs(), sources=sources(), clock=now),
        parking=parking(),
        queues=queues(),
        hours=hours(),
        clock=now,
        retention_days=settings().retention_days,
    )
