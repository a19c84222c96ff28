"""Open WebSocket connections and the inbox behind them."""

from functools import cache
from typing import TYPE_CHECKING

from chalicelib.clock import now
from chalicelib.settings import settings
from chalicelib.wiring.clients import management_client
from chalicelib.wiring.control import queues

if TYPE_CHECKING:
    from chalicelib.live.announce import Announce
    from chalicelib.live.jobs import LiveQueue
    from chalicelib.live.posting import Poster
    from chalicelib.storage.connections import Connections
    from chalicelib.storage.inbox import Inbox
    from chalicelib.storage.live_people import People


@cache
def live_people() -> "People":
    """The people behind the open WebSockets."""
    from chalicelib.storage.live_people import People

    return People(clock=now)


@cache
def live_connections() -> "Connections":
    """The open WebSockets."""
    from chalicelib.storage.connections import Connections

    return Connections(live_people(), clock=now)


@cache
def poster() -> "Poster":
    """The way to the clients."""
    from chalicelib.live.posting import Poster

    return Poster(management_client, connections=live_connections(), clock=now, name_went=live_queue().presence_changed)


@cache
def live_queue() -> "LiveQueue":
    """What the live side does a moment later."""
    from chalicelib.live.jobs import LiveQueue

    return LiveQueue(queues())


@cache
def inbox() -> "Inbox":
    """The users' inboxes."""
    from chalicelib.storage.inbox import Inbox

    return Inbox(clock=now, retention_days=settings().retention_days)


@cache
def announce() -> "Announce":
    """The announcer of live notifications."""
    from chalicelib.live.announce import Announce

    return Announce(inbox=inbox(), connections=live_connections(), poster=poster())
