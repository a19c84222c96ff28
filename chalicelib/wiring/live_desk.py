"""What clients of the WebSocket side ask for; the API alone hears them."""

from functools import cache

from chalicelib.clock import now
from chalicelib.live.chat import Chat
from chalicelib.live.desk import Desk
from chalicelib.live.limits import Limits
from chalicelib.live.receive import Receive
from chalicelib.wiring.connections import inbox, live_connections, live_queue, poster
from chalicelib.wiring.live import presence


@cache
def desk() -> Desk:
    """The inboxes as clients see them."""
    return Desk(inbox=inbox(), connections=live_connections(), poster=poster())


@cache
def receive() -> Receive:
    """The reader of frames."""
    chat = Chat(connections=live_connections(), presence=presence(), poster=poster(), queue=live_queue(), clock=now)
    return Receive(connections=live_connections(), limits=Limits(clock=now), chat=chat, desk=desk(), poster=poster())
