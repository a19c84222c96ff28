"""Open WebSocket connections. A connection, its entry with its person and, with the last one, the person's name are
deleted in one transaction, so the three always agree."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from pynamodb.expressions.condition import Condition, size
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.clock import Clock, rfc3339
from chalicelib.errors import ConflictError, Phrase, UnavailableError
from chalicelib.storage.chat_names import delete_names
from chalicelib.storage.dynamodb import batch_read, reaching_dynamodb, transaction, update_if
from chalicelib.storage.live_people import LivePeople, Person, is_called, user_of
from chalicelib.storage.rows.live import ConnectionRow, PersonRow
from chalicelib.storage.values import find, read_each, value_of

MAX_CONNECTIONS = 20  # of one person: so many tabs and devices
LIFE_SECONDS = 2 * 60 * 60 + 300  # API Gateway ends a connection after two hours; a record that outlives it is stale
GUEST_SECONDS = 24 * 60 * 60
_TRIES = 6


class Connection(NamedTuple):
    """One WebSocket of the person with the key `person`. `endpoint` is the management address that it came through,
    `network` where a guest comes from. Nothing may be posted to it before `opened_at`."""

    connection_id: str
    person: str
    endpoint: str
    format: str
    network: str | None = None
    connected_at: str = ""
    opened_at: str | None = None
    greeted_at: str | None = None


class Connections:
    """Every method raises: UnavailableError (retryable)."""

    def __init__(self, people: LivePeople, *, clock: Clock) -> None:
        self._people = people
        self._clock = clock

    def open(self, opening: Connection) -> None:
        """Records a connection that the gateway is about to let in. Raises: ConflictError (permanent: the person has
        too many)."""
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
        actions: list[Action] = [PersonRow.connections.add({opening.connection_id})]
        if user_of(opening.person) is None:
            actions.append(PersonRow.expires_at_epoch.set(epoch + GUEST_SECONDS))

        def write(writes: TransactWrite) -> None:
            free = PersonRow.connections.does_not_exist() | (size(PersonRow.connections) < MAX_CONNECTIONS)
            writes.save(row)
            writes.update(PersonRow(opening.person), actions=actions, condition=free)

        if not transaction(write):
            raise ConflictError(Phrase("too many connections"))

    def get(self, connection_id: str) -> Connection | None:
        """One connection as of now."""
        row = find(ConnectionRow, connection_id)
        return None if row is None else value_of(Connection, row)

    def some(self, ids: Iterable[str]) -> list[Connection]:
        """Those of these that exist."""
        with reaching_dynamodb():
            items = [item for _, item in batch_read({ConnectionRow: [(one,) for one in set(ids)]})]
        return read_each(ConnectionRow, items, lambda row: value_of(Connection, row))

    def of(self, persons: Iterable[str]) -> list[Connection]:
        """All connections of these people."""
        people = self._people.some(persons).values()
        return self.some(one for person in people for one in person.connections)

    def mark_open(self, connection: Connection, *, format_: str | None = None, greeted: bool = False) -> Connection:
        """The gateway has connected the client: from now on it may be posted to. Also records its format, and that it
        was greeted."""
        at, changes = rfc3339(self._clock()), dict[str, str]()
        if connection.opened_at is None:
            changes["opened_at"] = at
        if format_ and format_ != connection.format:
            changes["format"] = format_
        if greeted:
            changes["greeted_at"] = at
        if not changes:
            return connection
        actions = [getattr(ConnectionRow, name).set(value) for name, value in changes.items()]
        there = update_if(ConnectionRow(connection.connection_id), actions, ConnectionRow.connection_id.exists())
        return connection._replace(**changes) if there else connection  # else it was closed meanwhile

    def close(self, connection_id: str, person: str) -> bool:
        """Deletes a connection, and releases the person's name with the last one; idempotent. Returns whether a name
        was released."""
        for _ in range(_TRIES):
            known = self._people.get(person)
            if connection_id not in known.connections:
                with reaching_dynamodb():
                    ConnectionRow(connection_id).delete()
                return False
            last = known.connections == {connection_id}
            if _close(known, connection_id, last=last):
                return last and known.name is not None
        raise UnavailableError("the connections of a person were contended")

    def drop_stale(self, person: Person, alive: Collection[Connection]) -> None:
        """Deletes connections of a person that have no record any more (their TTL has passed)."""
        for connection_id in person.connections - {one.connection_id for one in alive}:
            self.close(connection_id, person.key)

    def forget(self, person: Person) -> None:
        """Deletes everything stored about a person, whose connections were ended."""
        self.drop_stale(person, [])
        with reaching_dynamodb():
            PersonRow(person.key).delete()


def _close(person: Person, connection_id: str, *, last: bool) -> bool:
    connections = PersonRow.connections
    actions: list[Action] = [connections.delete({connection_id})]
    condition: Condition = connections.contains(connection_id) & (size(connections) > 1)
    if last:
        condition = (connections == {connection_id}) & is_called(person.name)
        actions += [PersonRow.name.remove(), PersonRow.name_keys.remove()]

    def write(writes: TransactWrite) -> None:
        writes.delete(ConnectionRow(connection_id))
        writes.update(PersonRow(person.key), actions=actions, condition=condition)
        if last:
            delete_names(writes, person)

    return transaction(write)
