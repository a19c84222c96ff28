"""Who is here, and the first words to whoever comes: all that the worker of the live side needs."""

from functools import cache
from typing import TYPE_CHECKING

from chalicelib.wiring.connections import inbox, live_connections, live_people, live_queue, poster

if TYPE_CHECKING:
    from chalicelib.live.greetings import Greetings
    from chalicelib.live.presence import Presence


@cache
def presence() -> "Presence":
    """Who is in the chat."""
    from chalicelib.live.presence import Presence
    from chalicelib.storage.chat_names import ChatNames

    return Presence(names=ChatNames(), people=live_people(), connections=live_connections(), poster=poster())


@cache
def greet() -> "Greetings":
    """The greeter."""
    from chalicelib.live.greetings import Greetings

    return Greetings(
        people=live_people(),
        connections=live_connections(),
        presence=presence(),
        inbox=inbox(),
        poster=poster(),
        queue=live_queue(),
    )
