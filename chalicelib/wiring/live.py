"""The door of the WebSocket side."""

from functools import cache
from typing import TYPE_CHECKING

from chalicelib.clock import now
from chalicelib.settings import settings
from chalicelib.wiring.connections import live_connections, live_people, live_queue, poster

if TYPE_CHECKING:
    from chalicelib.live.guests import Guests
    from chalicelib.live.handshake import Handshake
    from chalicelib.storage.tickets import Tickets


@cache
def guests() -> "Guests":
    """What guests may do together."""
    from chalicelib.live.guests import Guests
    from chalicelib.storage.allowances import GuestAllowances

    return Guests(counts=GuestAllowances(clock=now), people=live_people())


@cache
def tickets() -> "Tickets":
    """The tickets to a WebSocket."""
    from chalicelib.storage.tickets import Tickets

    return Tickets(clock=now)


@cache
def handshake() -> "Handshake":
    """Who may connect."""
    from chalicelib.live.handshake import EntryRules, Handshake, origin_of

    pages = {settings().site_url, settings().public_url, *settings().live_origins.split()}
    return Handshake(
        rules=EntryRules(origins=frozenset(map(origin_of, pages)), guests=settings().live_demo),
        tickets=tickets(),
        people=live_people(),
        connections=live_connections(),
        guests=guests(),
        poster=poster(),
        queue=live_queue(),
    )
