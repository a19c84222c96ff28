"""Who may connect, and what happens when they leave. Nothing is posted from `$connect`: the gateway connects the client
only after it, so the greeting is a job in a queue (`greetings.py`)."""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from chalicelib.composed import Composed
from chalicelib.errors import ConflictError, ForbiddenError, Phrase, UnauthorizedError
from chalicelib.live.guests import Guests, source_network
from chalicelib.live.jobs import LiveQueue
from chalicelib.live.posting import Poster
from chalicelib.live.server_events import JSON, TEXT
from chalicelib.storage.connections import MAX_CONNECTIONS, Connection, Connections
from chalicelib.storage.live_people import LivePeople, guest_person, user_person
from chalicelib.storage.tickets import Tickets


class EntryRules(NamedTuple):
    """`origins` are those of pages that may connect; `guests`: whether one may chat without a ticket."""

    origins: frozenset[str]
    guests: bool


class ConnectRequest(NamedTuple):
    """What `$connect` brings. Header names are in lower case; `source` is the address that the gateway saw."""

    connection_id: str
    endpoint: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    source: str | None = None


class Handshake(Composed):
    rules: EntryRules
    tickets: Tickets
    people: LivePeople
    connections: Connections
    guests: Guests
    poster: Poster
    queue: LiveQueue

    def enter(self, request: ConnectRequest) -> None:
        """Lets a client in. Raises: ForbiddenError (permanent: a foreign page), UnauthorizedError (permanent: no
        ticket, or a wrong, used or expired one), ConflictError (permanent: too many connections, or guests barred for
        now), UnavailableError (retryable)."""
        self._check_origin(request.headers.get("origin"))
        ticket, network = request.query.get("ticket"), None
        if ticket:
            person = user_person(self.tickets.redeem(ticket))
        elif self.rules.guests:
            network = source_network(request.source)
            self.guests.enter(network)
            person = guest_person(request.connection_id)
        else:
            raise UnauthorizedError(Phrase("a ticket is expected: wss://…?ticket=…"))
        format_ = JSON if request.query.get("format") == JSON else TEXT
        self._open(Connection(request.connection_id, person, request.endpoint, format_, network))
        self.queue.greet(request.connection_id)

    def leave(self, connection_id: str) -> None:
        """Takes a closed connection off every list. Raises: UnavailableError (retryable)."""
        connection = self.connections.get(connection_id)
        if connection is not None and self.connections.close(connection_id, connection.person):
            self.queue.presence_changed()

    def _open(self, opening: Connection) -> None:
        try:
            self.connections.open(opening)
        except ConflictError:
            if not self._made_room(opening.person):
                raise
            self.connections.open(opening)

    def _made_room(self, person: str) -> bool:
        """Whether some of the many connections had ended unreported: they must not keep their person out."""
        known_person = self.people.get(person)
        known = self.connections.some(known_person.connections)
        self.connections.drop_stale(known_person, known)
        return len(self.poster.alive(known)) < MAX_CONNECTIONS

    def _check_origin(self, origin: str | None) -> None:
        # A browser always names the page's origin; other programs name none, and have no cookies to abuse.
        if origin is not None and origin not in self.rules.origins:
            raise ForbiddenError(Phrase("this Origin is not on the list"))


def origin_of(url: str) -> str:
    """`https://host:port` of a URL, as a browser writes it in `Origin` (RFC 6454)."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
