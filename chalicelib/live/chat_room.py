"""The chat: a name, who is here, a message to one person, blocking."""

from chalicelib.clock import Clock, rfc3339
from chalicelib.composed import Composed
from chalicelib.live import blocks
from chalicelib.live import server_events as events
from chalicelib.live.chat_names import ReservedNames, check_name, name_keys
from chalicelib.live.frames import Block, Blocked, Send, TakeName, Unblock, Who
from chalicelib.live.guests import Guests
from chalicelib.live.jobs import LiveQueue
from chalicelib.live.posting import Posted, Poster
from chalicelib.live.presence import Presence, told
from chalicelib.live.server_events import TEXT, FrameError, ServerEvent
from chalicelib.storage.connections import Connection, Connections
from chalicelib.storage.live_people import LivePeople, Person, user_person

ChatFrame = TakeName | Who | Send | Block | Unblock | Blocked


class Chat(Composed):
    people: LivePeople
    connections: Connections
    presence: Presence
    guests: Guests
    reserved: ReservedNames
    poster: Poster
    queue: LiveQueue
    clock: Clock

    def take(self, frame: ChatFrame, connection: Connection, person: Person) -> list[ServerEvent]:
        """Executes a frame and returns the answers to its sender. Raises: FrameError (permanent), UnavailableError
        (retryable)."""
        if isinstance(frame, TakeName):
            return self._take_name(frame.name, connection, person)
        if isinstance(frame, Who):
            return [told(self.presence.here())]
        if isinstance(frame, Send):
            return self._send(frame, connection, person)
        return [events.blocked(self._change_blocks(frame, person))]

    def _take_name(self, wanted: str, connection: Connection, person: Person) -> list[ServerEvent]:
        name = check_name(wanted, reserved=self.reserved)
        if person.is_guest:
            self.guests.take_name(connection, name)
        self.presence.take(person, name, name_keys(name))
        if name != person.name:
            self.queue.presence_changed()
        self.poster.post(self.connections.of([person.key]), events.named(name, guest=person.is_guest))
        return []

    def _send(self, frame: Send, connection: Connection, sender: Person) -> list[ServerEvent]:
        if sender.name is None:
            raise FrameError("name_needed")
        addressee = self._addressee(frame)
        shown = " ".join((frame.to or frame.user_id or "").split())
        if addressee is None:
            raise FrameError("unknown_addressee", name=shown)
        if sender.is_guest:
            self.guests.say(connection, sender=sender, addressee=addressee, shown=shown)
        if not blocks.is_blocked(sender, by=addressee):
            at = rfc3339(self.clock())
            event = events.chat_message(sender.name, frame.text, at=at, guest=sender.is_guest)
            results = self.poster.post(self.connections.some(addressee.connections), event)
            if not set(results.values()) - {Posted.GONE}:
                raise FrameError("unknown_addressee", name=shown)
            self.guests.note_answer(sender=sender, addressee=addressee)
        return [] if connection.format == TEXT else [events.chat_sent(addressee.name or shown)]

    def _addressee(self, frame: Send) -> Person | None:
        if frame.user_id is None:
            return self.presence.holder(name_keys(frame.to or ""))
        person = self.people.get(user_person(frame.user_id))
        return person if person.connections else None

    def _change_blocks(self, frame: Block | Unblock | Blocked, person: Person) -> list[str]:
        if isinstance(frame, Blocked):
            return blocks.blocked_names(person)
        if isinstance(frame, Unblock):
            return blocks.unblock(person, name=frame.name, people=self.people)
        try:
            name = check_name(frame.name)
        except FrameError as error:
            raise FrameError("bad_field", field="name", expected="a name") from error
        holder = self.presence.holder(name_keys(name))
        return blocks.block(person, name=name, holder=holder.key if holder else None, people=self.people)
