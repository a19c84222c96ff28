"""What the live side stores about a user, for export and erasure."""

from typing import Any

from chalicelib.live import server_events as events
from chalicelib.live.blocks import blocked_names
from chalicelib.live.posting import Poster
from chalicelib.storage.connections import Connections
from chalicelib.storage.inbox import Inbox
from chalicelib.storage.live_people import LivePeople, user_person

_PAGE = 100


class LivePart:
    """The inbox, the name in the chat, and who is blocked. Erasing ends the user's connections too."""

    def __init__(self, *, inbox: Inbox, people: LivePeople, connections: Connections, poster: Poster) -> None:
        self._inbox = inbox
        self._people = people
        self._connections = connections
        self._poster = poster

    def export(self, user_id: str) -> dict[str, Any] | None:
        """None where nothing is stored. Raises: UnavailableError (retryable)."""
        person = self._people.get(user_person(user_id))
        page = self._inbox.after(user_id, 0, limit=_PAGE)
        entries = page.entries
        while page.following is not None:
            page = self._inbox.after(user_id, page.following, limit=_PAGE)
            entries = entries + page.entries
        if not (entries or person.name or person.blocked):
            return None
        return {"inbox": entries, "name": person.name, "blocked": blocked_names(person)}

    def erase(self, user_id: str) -> None:
        """May be repeated. Raises: UnavailableError (retryable)."""
        person = self._people.get(user_person(user_id))
        for connection in self._connections.some(person.connections):
            self._poster.end(connection, events.bye("erased"))
        self._connections.forget(person)
        self._inbox.erase(user_id)
