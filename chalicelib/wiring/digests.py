"""What sends collected letters as one."""

from functools import cache

from chalicelib.clock import now
from chalicelib.pipeline.digest import Digest
from chalicelib.wiring.control import queues
from chalicelib.wiring.intake import accept
from chalicelib.wiring.ledger import ledger
from chalicelib.wiring.letters import renderer, templates
from chalicelib.wiring.people import preferences


@cache
def digest() -> Digest:
    """The digests."""
    return Digest(
        accept=accept(),
        templates=templates(),
        renderer=renderer(),
        preferences=preferences(),
        ledger=ledger(),
        queues=queues(),
        clock=now,
    )
