"""What is sent together: the letters that wait, and what sends them as one."""

from functools import cache
from typing import TYPE_CHECKING

from chalicelib.clock import now
from chalicelib.wiring.control import queues
from chalicelib.wiring.intake import accept
from chalicelib.wiring.ledger import ledger
from chalicelib.wiring.letters import renderer, templates
from chalicelib.wiring.people import preferences

if TYPE_CHECKING:
    from chalicelib.pipeline.collected import Collected
    from chalicelib.pipeline.digest import Digest


@cache
def collected() -> "Collected":
    """The letters that wait."""
    from chalicelib.pipeline.collected import Collected

    return Collected(queues=queues(), ledger=ledger(), clock=now)


@cache
def digest() -> "Digest":
    """The digests."""
    from chalicelib.pipeline.digest import Digest

    return Digest(
        accept=accept(),
        templates=templates(),
        renderer=renderer(),
        preferences=preferences(),
        ledger=ledger(),
        clock=now,
    )
