"""What managers do with campaigns, and what they see before they do it; no worker does."""

import time
from functools import cache
from typing import TYPE_CHECKING

from chalicelib.clock import now
from chalicelib.settings import settings
from chalicelib.wiring.campaigns import generator
from chalicelib.wiring.control import site_settings
from chalicelib.wiring.intake import accept
from chalicelib.wiring.letters import new_renderer, templates
from chalicelib.wiring.people import addresses, consent, directory
from chalicelib.wiring.running import campaigns, content_source, lists, runs, sources

if TYPE_CHECKING:
    from chalicelib.campaigns.control import CampaignControl
    from chalicelib.campaigns.preview import Preview
    from chalicelib.campaigns.readiness import Readiness


@cache
def readiness() -> "Readiness":
    """What must be right before a campaign starts."""
    from chalicelib.campaigns.readiness import Readiness

    return Readiness(
        templates=templates(),
        renderer=new_renderer(),
        lists=lists(),
        campaigns=campaigns(),
        sources=sources(),
        clock=now,
        default_zone=settings().default_timezone,
    )


@cache
def campaign_control() -> "CampaignControl":
    """What managers do with campaigns."""
    from chalicelib.campaigns.control import CampaignControl

    return CampaignControl(
        campaigns=campaigns(),
        runs=runs(),
        generator=generator(),
        readiness=readiness(),
        accept=accept(),
        content=content_source(),
        clock=now,
        default_zone=settings().default_timezone,
        approval=settings().campaign_approval,
    )


@cache
def campaign_preview() -> "Preview":
    """A look at an audience before anybody is written to."""
    from chalicelib.campaigns.preview import Preview

    return Preview(
        runs=runs(),
        sources=sources(),
        templates=templates(),
        site=site_settings(),
        directory=directory(),
        addresses=addresses(),
        consent=consent(),
        clock=now,
        monotonic=time.monotonic,
        default_zone=settings().default_timezone,
    )
