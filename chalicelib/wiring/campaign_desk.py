"""What managers do with campaigns, and what they see before they do it; no worker does."""

import time
from functools import cache
from typing import TYPE_CHECKING

from chalicelib.clock import now
from chalicelib.settings import settings
from chalicelib.wiring.campaigns import generator
from chalicelib.wiring.intake import accept
from chalicelib.wiring.letters import new_renderer, templates
from chalicelib.wiring.people import addresses, consent, directory
from chalicelib.wiring.running import (
    approvals,
    campaign_inputs,
    campaigns,
    content_source,
    lists,
    runs,
    sources,
)

if TYPE_CHECKING:
    from chalicelib.campaigns.approving import Approving
    from chalicelib.campaigns.commands import CampaignControl
    from chalicelib.campaigns.lifecycle import Course
    from chalicelib.campaigns.preview import Preview
    from chalicelib.campaigns.resend import Resend
    from chalicelib.campaigns.start_checks import Readiness
    from chalicelib.campaigns.test_send import Trial


@cache
def readiness() -> "Readiness":
    """What must be right before a campaign starts."""
    from chalicelib.campaigns.start_checks import Readiness

    return Readiness(
        templates=templates(),
        renderer=new_renderer(),
        lists=lists(),
        campaigns=campaigns(),
        sources=sources(),
        clock=now,
        private_addresses=settings().private_addresses,
    )


@cache
def campaign_control() -> "CampaignControl":
    """What managers do with campaigns."""
    from chalicelib.campaigns.commands import CampaignControl

    return CampaignControl(
        campaigns=campaigns(),
        runs=runs(),
        course=course(),
        readiness=readiness(),
        approvals=approvals(),
        clock=now,
        approval=settings().campaign_approval,
    )


@cache
def course() -> "Course":
    """How a started campaign goes on."""
    from chalicelib.campaigns.lifecycle import Course

    return Course(
        campaigns=campaigns(),
        runs=runs(),
        generator=generator(),
        clock=now,
        default_zone=settings().default_timezone,
    )


@cache
def approving() -> "Approving":
    """Another manager's word on a campaign."""
    from chalicelib.campaigns.approving import Approving

    return Approving(campaigns=campaigns(), course=course(), readiness=readiness(), approvals=approvals())


@cache
def resend() -> "Resend":
    """What a run did not send, once more."""
    from chalicelib.campaigns.resend import Resend

    return Resend(campaigns=campaigns(), runs=runs(), approvals=approvals(), clock=now)


@cache
def trial() -> "Trial":
    """The letter to a few people."""
    from chalicelib.campaigns.test_send import Trial

    return Trial(campaigns=campaigns(), inputs=campaign_inputs(), accept=accept(), content=content_source())


@cache
def campaign_preview() -> "Preview":
    """A look at an audience before anybody is written to."""
    from chalicelib.campaigns.preview import Preview

    return Preview(
        sources=sources(),
        inputs=campaign_inputs(),
        directory=directory(),
        addresses=addresses(),
        consent=consent(),
        clock=now,
        monotonic=time.monotonic,
        default_zone=settings().default_timezone,
    )
