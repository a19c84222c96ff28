"""Opens, finds and closes connections. A connection, its place among its person's and, with the last one, the person's
name go in one transaction: whenever a worker dies, the three agree.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from zlib import crc32

from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition, size
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.clock import Clock, rfc3339
from chalicelib.errors import ConflictError, UnavailableError
from chalicelib.live.person_keys import user_of
from chalicelib.storage.dynamodb import batch_read, find, reaching_dynamodb, readable, update_if
from chalicelib.storage.rows.live import ConnectionRow, NameRow, PersonRow

MAX_CONNECTIONS = 20  # of one person: so many tabs and devices
LIFE_SECONDS = 2 * 60 * 60 + 300  # API Gateway ends a connection after two hours; a record that outlives it is stale
GUEST_SECONDS = 24 * 60 * 60
_TRIES = 6
_SHARDS = 4


def name_places(keys: Sequence[str]) -> list[tuple[str, str]]:
    """Where a name stands in its table: first in the list of those present, then by its other keys."""
    places = zip(("", "drawn#", "raised#"), keys, strict=False)  # a name from before the last kind has fewer
    return [(f"{kind}{crc32(key.encode()) % _SHARDS}", key) for kind, key in places]


def shards() -> list[str]:
    """Every partition of the list of those present."""
    return [str(n) for n in range(_SHARDS)]


class Opening(NamedTuple):
    """What `$connect` knows of a connection."""

    connection_id: str
    person: str
    endpoint: str
    format: str
    network: str | None = None  # of a guest


class Connections:
    """The connections of one stage."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def open(self, opening: Opening) -> None:
        """Records a connection that the gateway is about to let in. Raises: ConflictError (permanent: the person has
        too many), UnavailableError (retryable)."""
        at = self._clock()
        epoch = int(at.timestamp())
        row = ConnectionRow(
            opening.connection_id,
            person=opening.person,
            endpoint=opening.endpoint,
            format=opening.format,
            network=opening.network,
            connected_at=rfc3339(at),
            expires_at_epoch=epoch + LIFE_SECONDS,
        )
        person = PersonRow
        free = person.connections.does_not_exist() | (size(person.connections) < MAX_CONNECTIONS)
        actions: list[Action] = [person.connections.add({opening.connection_id})]
        if user_of(opening.person) is None:
            actions.append(person.expires_at_epoch.set(epoch + GUEST_SECONDS))
        with reaching_dynamodb():
            try:
                with TransactWrite(connection=ConnectionRow._get_connection().connection) as transaction:
                    transaction.save(row)
                    transaction.update(PersonRow(opening.person), actions=actions, condition=free)
            except TransactWriteError as error:
                if not any(r and r.code == "ConditionalCheckFailed" for r in error.cancellation_reasons):
                    raise
                raise ConflictError("too many connections") from error

    def get(self, connection_id: str) -> ConnectionRow | None:
        """One connection as it is now. Raises: UnavailableError (retryable)."""
        return find(ConnectionRow, connection_id)

    def person(self, person: str) -> PersonRow:
        """A person as they are now; one who is not known is new. Raises: UnavailableError (retryable)."""
        return find(PersonRow, person) or PersonRow(person)

    def people(self, persons: Iterable[str]) -> dict[str, PersonRow]:
        """Those who are known, by key. Raises: UnavailableError (retryable)."""
        keys = [(one,) for one in set(persons)]
        with reaching_dynamodb():
            items = [item for _, item in batch_read({PersonRow: keys})]
        return {row.person: row for row in readable(PersonRow, items)}

    def of(self, people: Iterable[PersonRow]) -> list[ConnectionRow]:
        """All connections of these people. Raises: UnavailableError (retryable)."""
        ids = {connection_id for person in people for connection_id in person.connections or ()}
        with reaching_dynamodb():
            items = [item for _, item in batch_read({ConnectionRow: [(one,) for one in ids]})]
        return readable(ConnectionRow, items)

    def mark_open(self, connection: ConnectionRow, *, format_: str | None = None, greeted: bool = False) -> None:
        """The gateway has let the client in: from now on it may be posted to. Also notes what it speaks, and that it
        was greeted. Raises: UnavailableError (retryable)."""
        row, at = ConnectionRow, rfc3339(self._clock())
        actions: list[Action] = []
        if connection.opened_at is None:
            actions.append(row.opened_at.set(at))
        if format_ and format_ != connection.format:
            actions.append(row.format.set(format_))
        if greeted:
            actions.append(row.greeted_at.set(at))
        if actions:
            update_if(connection, actions, row.connection_id.exists())  # else it was closed meanwhile

    def close(self, connection_id: str, person: str) -> bool:
        """Forgets a connection, and the person's name with the last one; repeating it is harmless. Says whether a name
        went. Raises: UnavailableError (retryable)."""
        for _ in range(_TRIES):
            row = self.person(person)
            if connection_id not in (row.connections or ()):
                with reaching_dynamodb():
                    ConnectionRow(connection_id).delete()
                return False
            last = set(row.connections or ()) == {connection_id}
            if self._close(row, connection_id, last=last):
                return last and row.name is not None
        raise UnavailableError("the connections of a person were contended")

    def _close(self, row: PersonRow, connection_id: str, *, last: bool) -> bool:
        person = PersonRow
        actions: list[Action] = [person.connections.delete({connection_id})]
        if last:
            condition = person.connections == {connection_id}
            condition &= _is_called(row)
            actions += [person.name.remove(), person.name_keys.remove()]
        else:
            condition = person.connections.contains(connection_id) & (size(person.connections) > 1)
        with reaching_dynamodb():
            try:
                with TransactWrite(connection=ConnectionRow._get_connection().connection) as transaction:
                    transaction.delete(ConnectionRow(connection_id))
                    transaction.update(PersonRow(row.person), actions=actions, condition=condition)
                    if last:
                        _delete_name(transaction, row)
            except TransactWriteError as error:
                if not error.cancellation_reasons:
                    raise
                return False
        return True

    def take_off(self, person: PersonRow) -> bool:
        """Takes the person's name, and nothing else; whether they had it until now. Raises: UnavailableError
        (retryable)."""
        actions: list[Action] = [PersonRow.name.remove(), PersonRow.name_keys.remove()]
        with reaching_dynamodb():
            try:
                with TransactWrite(connection=ConnectionRow._get_connection().connection) as transaction:
                    condition = PersonRow.person.exists() & _is_called(person)
                    transaction.update(PersonRow(person.person), actions=actions, condition=condition)
                    _delete_name(transaction, person)
            except TransactWriteError as error:
                if not error.cancellation_reasons:
                    raise
                return False
        return True

    def forget(self, person: PersonRow) -> None:
        """Removes all that is kept of a person, whose connections were ended. Raises: UnavailableError (retryable)."""
        self.drop_stale(person, [])
        with reaching_dynamodb():
            PersonRow(person.person).delete()

    def drop_stale(self, person: PersonRow, alive: Sequence[ConnectionRow]) -> None:
        """Forgets those connections of a person that have no record any more (their TTL has passed)."""
        for connection_id in set(person.connections or ()) - {row.connection_id for row in alive}:
            self.close(connection_id, person.person)


def _is_called(person: PersonRow) -> Condition:
    return PersonRow.name == person.name if person.name else PersonRow.name.does_not_exist()


def _delete_name(transaction: TransactWrite, person: PersonRow) -> None:
    held = NameRow.person.does_not_exist() | (NameRow.person == person.person)
    for place in name_places(person.name_keys or ()):
        transaction.delete(NameRow(*place), condition=held)
