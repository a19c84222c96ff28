"""What comes in: requests, events, and those whose time has come."""

from functools import cache
from typing import TYPE_CHECKING

from chalicelib.clock import now
from chalicelib.settings import settings
from chalicelib.wiring.control import queues, site_settings
from chalicelib.wiring.letters import templates
from chalicelib.wiring.people import directory

if TYPE_CHECKING:
    from chalicelib.pipeline.accept import Accept
    from chalicelib.pipeline.confirmation import ConfirmationLetters
    from chalicelib.pipeline.events import Events
    from chalicelib.pipeline.site_desk import SiteDesk
    from chalicelib.pipeline.tick import Tick


@cache
def accept() -> "Accept":
    """The intake."""
    from chalicelib.pipeline.accept import Accept

    return Accept(
        templates=templates(),
        site=site_settings(),
        queues=queues(),
        clock=now,
        retention_days=settings().retention_days,
    )


@cache
def events() -> "Events":
    """The listener to the site."""
    from chalicelib.pipeline.events import Events

    return Events(
        site=site_settings(),
        directory=directory(),
        templates=templates(),
        accept=accept(),
        clock=now,
        retention_days=settings().retention_days,
    )


@cache
def confirmation_letters() -> "ConfirmationLetters":
    """The confirmation letter once more."""
    from chalicelib.control.allowance import Allowances
    from chalicelib.pipeline.confirmation import ConfirmationLetters

    return ConfirmationLetters(
        directory=directory(), accept=accept(), allowances=Allowances(clock=now), site=site_settings()
    )


@cache
def tick() -> "Tick":
    """The periodic work."""
    from chalicelib.pipeline.tick import Tick

    return Tick(accept=accept(), clock=now)


@cache
def site_desk() -> "SiteDesk":
    """Where settings of the site are changed."""
    from chalicelib.pipeline.site_desk import SiteDesk

    return SiteDesk(site=site_settings(), events=events())
