"""Who may come in, and what happens when they come and go. Called by `$connect`, `$disconnect` and `functions/live.py`.

Nothing is posted from `$connect`: the gateway lets the client in only after it. The greeting is a job in a queue.
"""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from chalicelib.errors import ConflictError, ForbiddenError, UnauthorizedError
from chalicelib.live import events
from chalicelib.live.connections import MAX_CONNECTIONS, Connections, Opening
from chalicelib.live.events import JSON, TEXT, Event
from chalicelib.live.guests import Guests, is_guest, source_network
from chalicelib.live.inbox import Inbox
from chalicelib.live.jobs import GreetJob, LiveQueue, PresenceJob, read_live_job
from chalicelib.live.people import guest_person, user_of, user_person
from chalicelib.live.post import Posted, Poster
from chalicelib.live.presence import Presence, told
from chalicelib.live.tickets import Tickets
from chalicelib.observability import Line

MAX_TOLD = 100  # with more people than that the list of those present is for the asking, not for pushing
_PAUSES_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.4)  # while the gateway finishes the handshake
_GREETINGS = 5


class DoorRules(NamedTuple):
    """`origins` are those of the pages that may connect; `guests`: whether one may chat without a ticket."""

    origins: frozenset[str]
    guests: bool


class Knock(NamedTuple):
    """What `$connect` brings. Names of headers are in lower case; `source` is the address that the gateway saw."""

    connection_id: str
    endpoint: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    source: str | None = None


class Door:
    """The door of one stage."""

    def __init__(
        self,
        *,
        rules: DoorRules,
        tickets: Tickets,
        connections: Connections,
        presence: Presence,
        guests: Guests,
        inbox: Inbox,
        poster: Poster,
        queue: LiveQueue,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rules = rules
        self._tickets = tickets
        self._connections = connections
        self._presence = presence
        self._guests = guests
        self._inbox = inbox
        self._poster = poster
        self._queue = queue
        self._sleep = sleep

    def enter(self, knock: Knock) -> None:
        """Lets a client in. Raises: ForbiddenError (permanent: a foreign page), UnauthorizedError (permanent: no
        ticket, or a wrong, used or expired one), ConflictError (permanent: too many connections, or barred for now),
        UnavailableError (retryable)."""
        self._check_origin(knock.headers.get("origin"))
        ticket, network = knock.query.get("ticket"), None
        if ticket:
            person = user_person(self._tickets.redeem(ticket))
        elif self._rules.guests:
            network = source_network(knock.source)
            self._guests.enter(network)
            person = guest_person(knock.connection_id)
        else:
            raise UnauthorizedError("a ticket is expected: wss://…?ticket=…")
        format_ = JSON if knock.query.get("format") == JSON else TEXT
        self._open(Opening(knock.connection_id, person, knock.endpoint, format_, network))
        self._queue.greet(knock.connection_id)

    def leave(self, connection_id: str) -> None:
        """Takes a closed connection off every list. Raises: UnavailableError (retryable)."""
        connection = self._connections.get(connection_id)
        if connection is not None and self._connections.close(connection_id, connection.person):
            self._queue.presence_changed()

    def work(self, body: str) -> Line:
        """The work of `functions/live.py`. Raises: PoisonMessageError (permanent), UnavailableError (retryable)."""
        job = read_live_job(body)
        done = self._tell_presence() if isinstance(job, PresenceJob) else self._greet(job)
        return Line(counts={done: 1})

    def _open(self, opening: Opening) -> None:
        try:
            self._connections.open(opening)
        except ConflictError:
            if not self._made_room(opening.person):
                raise
            self._connections.open(opening)

    def _made_room(self, person: str) -> bool:
        """Whether some of the many connections had ended and nobody was told: they must not keep their person out."""
        row = self._connections.person(person)
        if len(row.connections or ()) < MAX_CONNECTIONS:
            return False  # barred, then
        known = self._connections.of([row])
        self._connections.drop_stale(row, known)
        return len(self._poster.alive(known)) < MAX_CONNECTIONS

    def _check_origin(self, origin: str | None) -> None:
        # A browser always names the page's origin; other programs name none, and nobody can use their cookies.
        if origin is not None and origin not in self._rules.origins:
            raise ForbiddenError("this Origin is not on the list")

    def _greet(self, job: GreetJob) -> str:
        connection = self._connections.get(job.connection_id)
        if connection is None or connection.greeted_at:
            return "greeted_already"
        person = self._connections.person(connection.person)
        words: list[Event] = [events.named(person.name, guest=is_guest(person))] if person.name else [events.ask_name()]
        if connection.format == JSON:
            user_id = user_of(person.person)
            head = self._inbox.recount(user_id).shown() if user_id else None
            words = [events.hello(user_id, person.name, head), *([] if person.name else words)]
        for pause in (*_PAUSES_SECONDS, None):
            posted = self._poster.greet(connection, *words)
            if posted is not Posted.GONE or pause is None:
                break
            self._sleep(pause)
        if posted is Posted.DELIVERED:
            self._connections.mark_open(connection, greeted=True)
            return "greeted"
        if job.attempt < _GREETINGS:
            self._queue.greet(connection.connection_id, attempt=job.attempt + 1, delay_seconds=1)
            return "greeting_postponed"
        self.leave(connection.connection_id)
        return "never_came"

    def _tell_presence(self) -> str:
        here = self._presence.here()
        if len(here) > MAX_TOLD:
            return "presence_too_large"
        people = self._connections.people(one.person for one in here).values()
        self._poster.post([c for c in self._connections.of(people) if c.format == JSON], told(here))
        return "presence_told"


def origin_of(url: str) -> str:
    """`https://host:port` of an address, as a browser writes it in `Origin` (RFC 6454)."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
