"""The first words to whoever has come in, and the list of those present whenever it changes. `functions/live.py` calls
it, a moment after `$connect`.
"""

import time
from collections.abc import Callable

from chalicelib.live import server_events as events
from chalicelib.live.connections import Connections
from chalicelib.live.inbox import Inbox
from chalicelib.live.jobs import GreetJob, LiveQueue, PresenceJob, read_live_job
from chalicelib.live.person_keys import user_of
from chalicelib.live.posting import Posted, Poster
from chalicelib.live.presence import Presence, told
from chalicelib.live.server_events import JSON, Event
from chalicelib.observability import Line

MAX_TOLD = 100  # with more people than that the list of those present is for the asking, not for pushing
_PAUSES_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.4)  # while the gateway finishes the handshake
_GREETINGS = 5


class Greet:
    """The greeter of one stage."""

    def __init__(
        self,
        *,
        connections: Connections,
        presence: Presence,
        inbox: Inbox,
        poster: Poster,
        queue: LiveQueue,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connections = connections
        self._presence = presence
        self._inbox = inbox
        self._poster = poster
        self._queue = queue
        self._sleep = sleep

    def work(self, body: str) -> Line:
        """One job. Raises: PoisonMessageError (permanent), UnavailableError (retryable)."""
        job = read_live_job(body)
        done = self._tell_presence() if isinstance(job, PresenceJob) else self._greet(job)
        return Line(counts={done: 1})

    def _greet(self, job: GreetJob) -> str:
        connection = self._connections.get(job.connection_id)
        if connection is None or connection.greeted_at:
            return "greeted_already"
        person = self._connections.person(connection.person)
        words: list[Event] = (
            [events.named(person.name, guest=user_of(person.person) is None)] if person.name else [events.ask_name()]
        )
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
        if self._connections.close(connection.connection_id, connection.person):
            self._queue.presence_changed()
        return "never_came"

    def _tell_presence(self) -> str:
        here = self._presence.here()
        if len(here) > MAX_TOLD:
            return "presence_too_large"
        people = self._connections.people(one.person for one in here).values()
        self._poster.post([c for c in self._connections.of(people) if c.format == JSON], told(here))
        return "presence_told"
