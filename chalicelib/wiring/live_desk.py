"""What clients of the WebSocket side ask for; the API alone hears them."""

from functools import cache
from typing import TYPE_CHECKING

from chalicelib.clock import now
from chalicelib.settings import settings
from chalicelib.wiring.connections import inbox, live_connections, live_queue, poster
from chalicelib.wiring.greet import presence
from chalicelib.wiring.live import bars, guests

if TYPE_CHECKING:
    from chalicelib.live.inbox_commands import Desk
    from chalicelib.live.receive import Receive


@cache
def desk() -> "Desk":
    """The inboxes as clients see them."""
    from chalicelib.live.inbox_commands import Desk

    return Desk(inbox=inbox(), connections=live_connections(), poster=poster())


@cache
def receive() -> "Receive":
    """The reader of frames."""
    from chalicelib.live.chat import Chat
    from chalicelib.live.flood_control import Limits
    from chalicelib.live.receive import Receive
    from chalicelib.live.reserved_names import Reserved

    chat = Chat(
        connections=live_connections(),
        presence=presence(),
        guests=guests(),
        reserved=Reserved([settings().site_name]),
        poster=poster(),
        queue=live_queue(),
        clock=now,
    )
    return Receive(
        connections=live_connections(),
        limits=Limits(clock=now),
        guests=guests(),
        bars=bars(),
        chat=chat,
        desk=desk(),
        poster=poster(),
    )
