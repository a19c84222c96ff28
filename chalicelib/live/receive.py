"""One frame from a client: limits, then the frame, then the answer.

No frame ends a connection: whatever is wrong with it is answered with a warning that says what is expected.
"""

from chalicelib.composed import Composed
from chalicelib.errors import UnavailableError
from chalicelib.live import server_events as events
from chalicelib.live.chat_room import Chat
from chalicelib.live.flood_control import Act, FloodControl, FloodVerdict
from chalicelib.live.frames import Frame, Ping, TakeName, check_frame, is_json, read_json, read_line
from chalicelib.live.guests import Guests
from chalicelib.live.inbox_commands import InboxCommands, InboxFrame
from chalicelib.live.posting import Poster
from chalicelib.live.server_events import JSON, FrameError, ServerEvent, warning
from chalicelib.observability import Line, log_failure
from chalicelib.storage.connections import Connection, Connections
from chalicelib.storage.live_people import LivePeople, Person

_MUTED = frozenset({Act.MUTE, Act.QUIET})
_OutsideChat = Ping | InboxFrame


class Receive(Composed):
    people: LivePeople
    connections: Connections
    floods: FloodControl
    guests: Guests
    chat: Chat
    inbox: InboxCommands
    poster: Poster

    def receive(self, connection_id: str, text: str, *, endpoint: str) -> Line:
        """Takes one frame; answers over the connection. Never raises because of what the client sent. `endpoint` is the
        management address, for an unknown connection: it is closed, so that the client reconnects."""
        connection: Connection | None = None
        try:
            connection = self.connections.get(connection_id)
            if connection is None:
                self.poster.end(_stranger(connection_id, endpoint), events.bye("unknown_connection"))
                return Line(counts={"unknown_connection": 1})
            return self._receive(connection, text)
        except Exception as error:  # the edge: a bug of ours must not end the client's connection
            log_failure("live", error, connection_id=connection_id)
            word = "unavailable" if isinstance(error, UnavailableError) else "failed"
        if connection is not None:
            self.poster.say(connection, warning("unavailable"))
        return Line(counts={word: 1})

    def _receive(self, connection: Connection, text: str) -> Line:
        person = self.people.get(connection.person)
        verdict, person = self.floods.take(person, connection_id=connection.connection_id, text=text)
        if verdict.act is not Act.PASS and (verdict.begins or verdict.act not in _MUTED or _is_of_chat(text)):
            self._hold(verdict, connection, person)
            return Line(counts={f"limit_{verdict.act}": 1})
        try:
            check_frame(text)
            frame = _read(text, named=person.name is not None)
            chatting = frame.action.startswith("chat.") and is_json(text)
            connection = self.connections.mark_open(connection, format_=JSON if chatting else None)
            answers = self._do(frame, connection, person)
        except FrameError as error:
            self.connections.mark_open(connection)
            self.poster.say(connection, warning(error.code, **error.values))
            return Line(counts={f"warned_{error.code}": 1})
        if answers:
            self.poster.say(connection, *answers)
        return Line(counts={frame.action.replace(".", "_"): 1})

    def _do(self, frame: Frame, connection: Connection, person: Person) -> list[ServerEvent]:
        if isinstance(frame, Ping):
            return [events.pong()]
        if isinstance(frame, InboxFrame):
            return self.inbox.take(frame, person)
        if seconds := self.people.seconds_left(person):
            raise FrameError("muted", seconds=seconds)
        return self.chat.take(frame, connection, person)

    def _hold(self, verdict: FloodVerdict, connection: Connection, person: Person) -> None:
        if person.is_guest:
            if verdict.begins or verdict.act is Act.END:
                self.guests.punish(verdict, connection, person)
        elif verdict.act is Act.END:
            self.people.lengthen(person.key)
        if verdict.act is Act.END:
            self.poster.end(connection, events.bye("flood"))
        elif verdict.act is Act.MUTE:
            self.poster.say(connection, warning("muted", seconds=verdict.seconds))
        elif verdict.act is Act.WARN and verdict.code:
            self.poster.say(connection, warning(verdict.code, per_second=self.floods.rules.connection.per_second))


def _is_of_chat(text: str) -> bool:
    """Whether a mute applies: notifications and the inbox do not stop."""
    try:
        check_frame(text)
        return not is_json(text) or not isinstance(read_json(text), _OutsideChat)
    except FrameError:
        return True


def _read(text: str, *, named: bool) -> Frame:
    if is_json(text):
        return read_json(text)
    if not named:
        return TakeName(action="chat.name", name=text)
    return read_line(text)


def _stranger(connection_id: str, endpoint: str) -> Connection:
    return Connection(connection_id, person="", endpoint=endpoint, format=JSON)
