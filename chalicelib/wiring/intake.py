"""What comes in: requests, events, and those whose time has come."""

from functools import cache
from typing import TYPE_CHECKING

from chalicelib.clock import now
from chalicelib.settings import settings
from chalicelib.wiring.control import queues, site_settings
from chalicelib.wiring.letters import renderer, templates
from chalicelib.wiring.signing import address_hashes

if TYPE_CHECKING:
    from chalicelib.pipeline.accept import Accept
    from chalicelib.pipeline.tick import Tick


@cache
def accept() -> "Accept":
    """The intake."""
    from chalicelib.pipeline.accept import Accept

    return Accept(
        templates=templates(),
        renderer=renderer,
        site=site_settings(),
        queues=queues(),
        clock=now,
        retention_days=settings().retention_days,
        owner=address_hashes().owner,
    )


@cache
def tick() -> "Tick":
    """The periodic work."""
    from chalicelib.pipeline.tick import Tick

    return Tick(accept=accept(), clock=now)
