"""Who is here, under which name.

A name is taken by a conditional write and released with the person's last connection. Those who were never removed (a
worker died, the gateway did not report) are found when the list is read, by asking the gateway.
"""

from collections.abc import Sequence
from random import sample

from chalicelib.live import server_events as events
from chalicelib.live.posting import Poster
from chalicelib.live.server_events import FrameError, ServerEvent
from chalicelib.storage.chat_names import ChatNames, NameHolder
from chalicelib.storage.connections import Connections
from chalicelib.storage.live_people import LivePeople, Person, user_of

MAX_SHOWN = 500  # so many names fit into one frame
MAX_PROBED = 100  # connections checked per reading


class Presence:
    """The list of those present. Every method raises: UnavailableError (retryable)."""

    def __init__(self, *, names: ChatNames, people: LivePeople, connections: Connections, poster: Poster) -> None:
        self._names = names
        self._people = people
        self._connections = connections
        self._poster = poster

    def take(self, person: Person, name: str, keys: Sequence[str]) -> None:
        """Gives the person this name, compared by `keys`, on all their connections, in place of an earlier one. Guests
        give way to a user, and are told so. Raises: FrameError (permanent: somebody else who is here has it, or one
        that looks like it; or the person has just left)."""
        if self._names.take(person, name, keys):
            return
        others = [one for one in self._names.holders(keys) if one.person != person.key]
        if not person.is_guest:
            others = [one for one in others if not self._gave_way(one)]
        if self._confirmed(others) or not self._names.take(self._people.get(person.key), name, keys):
            raise FrameError("taken_name", name=name)

    def holder(self, keys: Sequence[str]) -> Person | None:
        """Who has the name with these keys, or one that looks like it; perhaps gone without a report, which the next
        post shows."""
        found = next(iter(self._names.holders(keys)), None)
        return self._people.some([found.person]).get(found.person) if found else None

    def here(self) -> list[NameHolder]:
        """Everybody who is here, in the order of their names."""
        named = self._names.all()
        probed = named if len(named) <= MAX_PROBED else sample(named, MAX_PROBED)
        gone = {one.person for one in probed} - {person.key for person in self._confirmed(probed)}
        return sorted((one for one in named if one.person not in gone), key=lambda one: one.name.casefold())

    def _gave_way(self, holder: NameHolder) -> bool:
        """Whether it was a guest's name, which is free now. Guests are asked for another one."""
        guest = self._people.some([holder.person]).get(holder.person) if user_of(holder.person) is None else None
        if guest is None or not self._names.take_off(guest):
            return False
        self._poster.post(self._connections.some(guest.connections), events.warning("taken_name", name=holder.name))
        return True

    def _confirmed(self, holders: Sequence[NameHolder]) -> list[Person]:
        """The people behind these names who are really here; the others are removed."""
        people = self._people.some(one.person for one in holders)
        for one in holders:
            person = people.get(one.person)
            if person is None or person.name is None:
                self._names.drop(one)
        records = self._connections.some(c for person in people.values() for c in person.connections)
        alive = {one.person for one in self._poster.alive(records)}
        for person in people.values():
            self._connections.drop_stale(person, [c for c in records if c.person == person.key])
        return [person for person in people.values() if person.key in alive]


def told(here: Sequence[NameHolder]) -> ServerEvent:
    """Those who are here, as many as are shown."""
    guests = {one.name for one in here if user_of(one.person) is None}
    return events.present([one.name for one in here[:MAX_SHOWN]], total=len(here), guests=guests)
