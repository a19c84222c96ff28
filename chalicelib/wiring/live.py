"""The door of the WebSocket side."""

from functools import cache
from typing import TYPE_CHECKING

from chalicelib.clock import now
from chalicelib.settings import settings
from chalicelib.wiring.connections import live_connections, live_queue, poster

if TYPE_CHECKING:
    from chalicelib.live.guests import Guests
    from chalicelib.live.handshake import Door
    from chalicelib.live.mutes import Bars
    from chalicelib.live.tickets import Tickets


@cache
def bars() -> "Bars":
    """Who is barred from the chat."""
    from chalicelib.live.mutes import Bars

    return Bars(clock=now)


@cache
def guests() -> "Guests":
    """What guests may do together."""
    from chalicelib.live.guests import Guests
    from chalicelib.security.allowance import Allowances
    from chalicelib.storage.rows.live import GuestCountRow

    return Guests(counts=Allowances(clock=now, row=GuestCountRow), bars=bars())


@cache
def tickets() -> "Tickets":
    """The tickets to a WebSocket."""
    from chalicelib.live.tickets import Tickets

    return Tickets(clock=now)


@cache
def door() -> "Door":
    """Who may connect."""
    from chalicelib.live.handshake import Door, DoorRules, origin_of

    pages = {settings().site_url, settings().public_url, *settings().live_origins.split()}
    return Door(
        rules=DoorRules(origins=frozenset(map(origin_of, pages)), guests=settings().live_demo),
        tickets=tickets(),
        connections=live_connections(),
        guests=guests(),
        poster=poster(),
        queue=live_queue(),
    )
