"""Who is here, under which name. Called by the chat.

A name is one row, made by a conditional write; it goes with the person's last connection. Those whom nobody took off
the list (a worker died, the gateway forgot to tell) are found when the list is read: the gateway is asked.
"""

from collections.abc import Sequence
from random import sample

from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from chalicelib.errors import ConflictError
from chalicelib.live.connections import Connections, name_key, shards
from chalicelib.live.post import Poster
from chalicelib.storage.base import find, reaching_dynamodb
from chalicelib.storage.live import NameRow, PersonRow

MAX_SHOWN = 500  # so many names fit into one frame
MAX_PROBED = 100  # connections asked about at one reading
_FAILED = "ConditionalCheckFailed"


class Presence:
    """The list of one stage."""

    def __init__(self, *, connections: Connections, poster: Poster) -> None:
        self._connections = connections
        self._poster = poster

    def take(self, person: PersonRow, name: str) -> None:
        """Gives the person this name, on all their connections, in place of an earlier one. Raises: ConflictError
        (permanent: somebody who is here has it; or the person has just left), UnavailableError (retryable)."""
        if self._take(person, name):
            return
        row = self._row(name)
        if (row and self._confirmed([row])) or not self._take(self._connections.person(person.person), name):
            raise ConflictError("taken_name")

    def holder(self, name: str) -> PersonRow | None:
        """Who has this name, here or, where nobody took them off the list, gone: the next post tells. Raises:
        UnavailableError (retryable)."""
        row = self._row(name)
        return self._connections.people([row.person]).get(row.person) if row else None

    def names(self) -> list[str]:
        """The names of all who are here, in order. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            rows = [row for shard in shards() for row in NameRow.query(shard, consistent_read=True)]
        probed = rows if len(rows) <= MAX_PROBED else sample(rows, MAX_PROBED)
        here = {person.person for person in self._confirmed(probed)}
        asked = {row.person for row in probed}
        return sorted((row.name for row in rows if row.person in here or row.person not in asked), key=str.casefold)

    def _row(self, name: str) -> NameRow | None:
        return find(NameRow, *name_key(name))

    def _take(self, person: PersonRow, name: str) -> bool:
        shard, key = name_key(name)
        free = NameRow.key.does_not_exist() | (NameRow.person == person.person)
        same = PersonRow.name == person.name if person.name else PersonRow.name.does_not_exist()
        connection = NameRow._get_connection().connection
        with reaching_dynamodb():
            try:
                with TransactWrite(connection=connection) as transaction:
                    transaction.save(NameRow(shard, key, name=name, person=person.person), condition=free)
                    transaction.update(
                        PersonRow(person.person),
                        actions=[PersonRow.name.set(name)],
                        condition=PersonRow.connections.exists() & same,
                    )
                    if person.name and name_key(person.name) != (shard, key):
                        transaction.delete(NameRow(*name_key(person.name)), condition=NameRow.person == person.person)
            except TransactWriteError as error:
                if not any(reason and reason.code == _FAILED for reason in error.cancellation_reasons):
                    raise
                return False
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
