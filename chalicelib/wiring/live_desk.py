"""What clients of the WebSocket side ask for; the API alone hears them."""

from functools import cache
from typing import TYPE_CHECKING

from chalicelib.clock import now
from chalicelib.settings import settings
from chalicelib.wiring.connections import inbox, live_connections, live_people, live_queue, poster
from chalicelib.wiring.greet import presence
from chalicelib.wiring.live import guests

if TYPE_CHECKING:
    from chalicelib.live.inbox_commands import InboxCommands
    from chalicelib.live.receive import Receive


@cache
def inbox_commands() -> "InboxCommands":
    """The inboxes as clients see them."""
    from chalicelib.live.inbox_commands import InboxCommands

    return InboxCommands(inbox=inbox(), connections=live_connections(), poster=poster())


@cache
def receive() -> "Receive":
    """The reader of frames."""
    from chalicelib.live.chat import Chat
    from chalicelib.live.flood_control import FloodControl
    from chalicelib.live.receive import Receive
    from chalicelib.live.reserved_names import ReservedNames

    chat = Chat(
        people=live_people(),
        connections=live_connections(),
        presence=presence(),
        guests=guests(),
        reserved=ReservedNames([settings().site_name]),
        poster=poster(),
        queue=live_queue(),
        clock=now,
    )
    return Receive(
        people=live_people(),
        connections=live_connections(),
        floods=FloodControl(live_people(), clock=now),
        guests=guests(),
        chat=chat,
        inbox=inbox_commands(),
        poster=poster(),
    )
