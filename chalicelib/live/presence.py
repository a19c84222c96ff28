"""Who is here, under which name.

A name is one row, made by a conditional write; it goes with the person's last connection. Those whom nobody took off
the list (a worker died, the gateway forgot to tell) are found when the list is read: the gateway is asked.
"""

from collections.abc import Sequence
from random import sample
from typing import NamedTuple

from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from chalicelib.errors import ConflictError
from chalicelib.live import server_events as events
from chalicelib.live.connections import Connections, name_places, shards
from chalicelib.live.person_keys import user_of
from chalicelib.live.posting import Poster
from chalicelib.live.server_events import Event
from chalicelib.storage.dynamodb import find, raw_query, reaching_dynamodb, readable
from chalicelib.storage.rows.live import NameRow, PersonRow

MAX_SHOWN = 500  # so many names fit into one frame
MAX_PROBED = 100  # connections asked about at one reading
_FAILED = "ConditionalCheckFailed"


class Present(NamedTuple):
    """Somebody who is here."""

    name: str
    person: str


class Presence:
    """The list of one stage."""

    def __init__(self, *, connections: Connections, poster: Poster) -> None:
        self._connections = connections
        self._poster = poster

    def take(self, person: PersonRow, name: str, keys: Sequence[str]) -> None:
        """Gives the person this name, compared by `keys`, on all their connections, in place of an earlier one. To a
        user guests give way, and are told so. Raises: ConflictError (permanent: somebody else who is here has it, or
        one that looks like it; or the person has just left), UnavailableError (retryable)."""
        if self._take(person, name, keys):
            return
        others = [row for row in self._rows(keys) if row.person != person.person]
        if user_of(person.person) is not None:
            others = [row for row in others if not self._gave_way(row)]
        if self._confirmed(others) or not self._take(self._connections.person(person.person), name, keys):
            raise ConflictError("taken_name")

    def holder(self, keys: Sequence[str]) -> PersonRow | None:
        """Who has the name with these keys, or one that looks like it; here or, where nobody took them off the list,
        gone: the next post tells. Raises: UnavailableError (retryable)."""
        row = next(iter(self._rows(keys)), None)
        return self._connections.people([row.person]).get(row.person) if row else None

    def here(self) -> list[Present]:
        """All who are here, in the order of their names. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            items = [item for shard in shards() for item in raw_query(NameRow, shard)]
        rows = readable(NameRow, items)
        probed = rows if len(rows) <= MAX_PROBED else sample(rows, MAX_PROBED)
        here = {person.person for person in self._confirmed(probed)}
        asked = {row.person for row in probed}
        present = [Present(row.name, row.person) for row in rows if row.person in here or row.person not in asked]
        return sorted(present, key=lambda one: one.name.casefold())

    def _rows(self, keys: Sequence[str]) -> list[NameRow]:
        places = [place for place in name_places(keys) if place[1]]
        return [row for place in places if (row := find(NameRow, *place))]

    def _take(self, person: PersonRow, name: str, keys: Sequence[str]) -> bool:
        places = name_places(keys)
        left = set(name_places(person.name_keys)) - set(places) if person.name_keys else ()
        free = NameRow.key.does_not_exist() | (NameRow.person == person.person)
        same = PersonRow.name == person.name if person.name else PersonRow.name.does_not_exist()
        connection = NameRow._get_connection().connection
        with reaching_dynamodb():
            try:
                with TransactWrite(connection=connection) as transaction:
                    for place in places:
                        transaction.save(NameRow(*place, name=name, person=person.person), condition=free)
                    transaction.update(
                        PersonRow(person.person),
                        actions=[PersonRow.name.set(name), PersonRow.name_keys.set(list(keys))],
                        condition=PersonRow.connections.exists() & same,
                    )
                    for place in left:
                        transaction.delete(NameRow(*place), condition=NameRow.person == person.person)
            except TransactWriteError as error:
                if not any(reason and reason.code == _FAILED for reason in error.cancellation_reasons):
                    raise
                return False
        return True

    def _gave_way(self, row: NameRow) -> bool:
        """Whether it was a guest's name, which is nobody's now. Guests are asked for another one."""
        guest = self._connections.people([row.person]).get(row.person) if user_of(row.person) is None else None
        if guest is None or not self._connections.take_off(guest):
            return False
        self._poster.post(self._connections.of([guest]), events.warning("taken_name", name=row.name))
        return True

    def _confirmed(self, rows: Sequence[NameRow]) -> list[PersonRow]:
        """The people behind these names who are really here; the others are taken off the list."""
        people = self._connections.people(row.person for row in rows)
        for row in rows:
            person = people.get(row.person)
            if person is None or person.name is None:
                self._drop_name(row)
        known = list(people.values())
        records = self._connections.of(known)
        alive = self._poster.alive(records)
        here = []
        for person in known:
            own = [c for c in records if c.person == person.person]
            self._connections.drop_stale(person, own)
            if any(c.person == person.person for c in alive):
                here.append(person)
        return here

    def _drop_name(self, row: NameRow) -> None:
        connection = NameRow._get_connection().connection
        with reaching_dynamodb():
            try:
                with TransactWrite(connection=connection) as transaction:
                    transaction.condition_check(PersonRow, row.person, condition=PersonRow.name.does_not_exist())
                    transaction.delete(row, condition=NameRow.person == row.person)
            except TransactWriteError as error:
                if not error.cancellation_reasons:
                    raise  # taken anew, or gone by now: nothing to do


def told(here: Sequence[Present]) -> Event:
    """Those who are here, as many as are shown."""
    guests = {one.name for one in here if user_of(one.person) is None}
    return events.present([one.name for one in here[:MAX_SHOWN]], total=len(here), guests=guests)
