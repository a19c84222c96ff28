"""Names in use in the chat. A name is three rows, one for each way of comparing names, and is released with its
person's last connection (`storage.connections`)."""

from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

from pynamodb.transactions import TransactWrite

from chalicelib.storage.dynamodb import reaching_dynamodb, transaction
from chalicelib.storage.live_people import Person, is_called
from chalicelib.storage.rows.live import NameRow, PersonRow
from chalicelib.storage.values import find, raw_query, read_each

_SHARDS = 4


class NameHolder(NamedTuple):
    """A name, the key of the person who has it, and the key of one of its rows."""

    name: str
    person: str
    place: tuple[str, str]


class ChatNames:
    """`keys` are those of `live.chat_names.name_keys`. Every method raises: UnavailableError (retryable)."""

    def take(self, person: Person, name: str, keys: Sequence[str]) -> bool:
        """Gives a connected person this name in place of an earlier one; False, with nothing done, if somebody else has
        it, or the person has changed since they were read."""
        places = name_places(keys)
        free = NameRow.key.does_not_exist() | (NameRow.person == person.key)

        def write(writes: TransactWrite) -> None:
            for place in places:
                writes.save(NameRow(*place, name=name, person=person.key), condition=free)
            writes.update(
                PersonRow(person.key),
                actions=[PersonRow.name.set(name), PersonRow.name_keys.set(list(keys))],
                condition=PersonRow.connections.exists() & is_called(person.name),
            )
            for place in set(name_places(person.name_keys)) - set(places):
                writes.delete(NameRow(*place), condition=NameRow.person == person.key)

        return transaction(write)

    def take_off(self, person: Person) -> bool:
        """Releases the person's name, and nothing else; returns whether they had it until now."""

        def write(writes: TransactWrite) -> None:
            writes.update(
                PersonRow(person.key),
                actions=[PersonRow.name.remove(), PersonRow.name_keys.remove()],
                condition=PersonRow.person.exists() & is_called(person.name),
            )
            delete_names(writes, person)

        return transaction(write)

    def holders(self, keys: Sequence[str]) -> list[NameHolder]:
        """Who has this name, or one that looks like it, by each way of comparing."""
        places = [place for place in name_places(keys) if place[1]]
        return [_holder(row) for place in places if (row := find(NameRow, *place))]

    def all(self) -> list[NameHolder]:
        """Everybody who has a name."""
        with reaching_dynamodb():
            items = [item for shard in range(_SHARDS) for item in raw_query(NameRow, str(shard))]
        return read_each(NameRow, items, _holder)

    def drop(self, holder: NameHolder) -> None:
        """Removes this row of a name, unless its person has a name by now."""

        def write(writes: TransactWrite) -> None:
            writes.condition_check(PersonRow, holder.person, condition=PersonRow.name.does_not_exist())
            writes.delete(NameRow(*holder.place), condition=NameRow.person == holder.person)

        transaction(write)


def name_places(keys: Sequence[str]) -> list[tuple[str, str]]:
    """The keys of a name's rows: first in the list of those present, then by its other keys."""
    places = zip(("", "drawn#", "raised#"), keys, strict=False)  # a name from before the last kind has fewer
    return [(f"{kind}{crc32(key.encode()) % _SHARDS}", key) for kind, key in places]


def delete_names(writes: TransactWrite, person: Person) -> None:
    """Adds the release of the person's name to a transaction."""
    held = NameRow.person.does_not_exist() | (NameRow.person == person.key)
    for place in name_places(person.name_keys):
        writes.delete(NameRow(*place), condition=held)


def _holder(row: NameRow) -> NameHolder:
    return NameHolder(row.name, row.person, (row.shard, row.key))
