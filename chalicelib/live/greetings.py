"""Greets new connections, and sends the list of those present whenever it changes."""

from collections.abc import Callable

from chalicelib.composed import Composed
from chalicelib.live import server_events as events
from chalicelib.live.jobs import GreetJob, LiveQueue, PresenceJob, read_live_job
from chalicelib.live.posting import Posted, Poster
from chalicelib.live.presence import Presence, told
from chalicelib.live.server_events import JSON, ServerEvent
from chalicelib.observability import Line
from chalicelib.storage.connections import Connections
from chalicelib.storage.inbox import Inbox
from chalicelib.storage.live_people import LivePeople

MAX_TOLD = 100  # with more people than that the list of those present is for the asking, not for pushing
_PAUSES_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.4)  # while the gateway finishes the handshake
_GREETINGS = 5


class Greetings(Composed):
    """Executes the jobs of the queue `live`."""

    people: LivePeople
    connections: Connections
    presence: Presence
    inbox: Inbox
    poster: Poster
    queue: LiveQueue
    sleep: Callable[[float], None]

    def work(self, body: str) -> Line:
        """One job. Raises: PoisonMessageError (permanent), UnavailableError (retryable)."""
        job = read_live_job(body)
        done = self._tell_presence() if isinstance(job, PresenceJob) else self._greet(job)
        return Line(counts={done: 1})

    def _greet(self, job: GreetJob) -> str:
        connection = self.connections.get(job.connection_id)
        if connection is None or connection.greeted_at:
            return "greeted_already"
        person = self.people.get(connection.person)
        words: list[ServerEvent] = (
            [events.named(person.name, guest=person.is_guest)] if person.name else [events.ask_name()]
        )
        if connection.format == JSON:
            head = self.inbox.recount(person.user_id).shown() if person.user_id else None
            words = [events.hello(person.user_id, person.name, head), *([] if person.name else words)]
        for pause in (*_PAUSES_SECONDS, None):
            posted = self.poster.say(connection, *words, removes=False)
            if posted is not Posted.GONE or pause is None:
                break
            self.sleep(pause)
        if posted is Posted.DELIVERED:
            self.connections.mark_open(connection, greeted=True)
            return "greeted"
        if job.attempt < _GREETINGS:
            self.queue.greet(connection.connection_id, attempt=job.attempt + 1, delay_seconds=1)
            return "greeting_postponed"
        if self.connections.close(connection.connection_id, connection.person):
            self.queue.presence_changed()
        return "never_came"

    def _tell_presence(self) -> str:
        here = self.presence.here()
        if len(here) > MAX_TOLD:
            return "presence_too_large"
        connections = self.connections.of(one.person for one in here)
        self.poster.post([c for c in connections if c.format == JSON], told(here))
        return "presence_told"
