"""What comes in: requests, events, and those whose time has come."""

from functools import cache

from chalicelib.clock import now
from chalicelib.control.allowance import Allowances
from chalicelib.pipeline.accept import Accept
from chalicelib.pipeline.confirmation import ConfirmationLetters
from chalicelib.pipeline.events import Events
from chalicelib.pipeline.site_desk import SiteDesk
from chalicelib.pipeline.tick import Tick
from chalicelib.settings import settings
from chalicelib.wiring.control import queues, site_settings
from chalicelib.wiring.letters import templates
from chalicelib.wiring.people import directory


@cache
def accept() -> Accept:
    """The intake."""
    return Accept(
        templates=templates(),
        site=site_settings(),
        queues=queues(),
        clock=now,
        retention_days=settings().retention_days,
    )


@cache
def events() -> Events:
    """The listener to the site."""
    return Events(
        site=site_settings(),
        directory=directory(),
        templates=templates(),
        accept=accept(),
        clock=now,
        retention_days=settings().retention_days,
    )


@cache
def confirmation_letters() -> ConfirmationLetters:
    """The confirmation letter once more."""
    return ConfirmationLetters(
        directory=directory(), accept=accept(), allowances=Allowances(clock=now), site=site_settings()
    )


@cache
def tick() -> Tick:
    """The periodic work."""
    return Tick(accept=accept(), clock=now)


@cache
def site_desk() -> SiteDesk:
    """Where settings of the site are changed."""
    return SiteDesk(site=site_settings(), events=events())
