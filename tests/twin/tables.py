"""Tables and their indexes: items by key, in order. Whoever calls holds the lock of the database."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import md5
from typing import Any, NamedTuple

from tests.twin.values import (
    MOST_BYTES,
    Item,
    RefusedError,
    Value,
    demand_key,
    demand_key_size,
    rank,
    size_of_item,
    taken,
    type_of,
)

Key = tuple[Any, ...]  # of an item of a table: its hash key and, where there is one, its range key


Scanned = tuple[int, str, tuple[Any, Key]]


class KeyPart(NamedTuple):
    name: str
    kind: str  # S, N or B


class Entry(NamedTuple):
    item: Item
    size: int


@dataclass
class Index:
    """A secondary index, or the table itself; `names` are those of the attributes that it holds, None: all. In each
    partition lie (rank of the range key, key of the item), in order."""

    name: str
    parts: tuple[KeyPart, ...]
    names: frozenset[str] | None
    partitions: dict[Any, list[tuple[Any, Key]]] = field(default_factory=dict)

    def holds(self, item: Item) -> bool:
        return all(part.name in item for part in self.parts)

    def held(self, item: Item) -> Item:
        """What it holds of an item that is in it."""
        return item if self.names is None else {name: value for name, value in item.items() if name in self.names}

    def place(self, item: Item, key: Key) -> tuple[Any, tuple[Any, Key]]:
        """The partition of an item, and where it lies there."""
        at = rank(item[self.parts[1].name]) if len(self.parts) > 1 else 0
        return rank(item[self.parts[0].name]), (at, key)

    def add(self, item: Item, key: Key) -> None:
        if self.holds(item):
            partition, entry = self.place(item, key)
            insort(self.partitions.setdefault(partition, []), entry)

    def remove(self, item: Item, key: Key) -> None:
        if self.holds(item):
            partition, entry = self.place(item, key)
            entries = self.partitions[partition]
            del entries[bisect_left(entries, entry)]
            if not entries:
                del self.partitions[partition]


class Table:
    """One table."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        kinds = {one["AttributeName"]: one["AttributeType"] for one in request["AttributeDefinitions"]}

        def parts(schema: Iterable[Mapping[str, str]]) -> tuple[KeyPart, ...]:
            hash_first = sorted(schema, key=lambda one: one["KeyType"])
            return tuple(KeyPart(one["AttributeName"], kinds[one["AttributeName"]]) for one in hash_first)

        self.name = str(request["TableName"])
        self.description = dict(request)
        self.own = Index("", parts(request["KeySchema"]), None)
        self.indexes = {
            one["IndexName"]: Index(one["IndexName"], parts(one["KeySchema"]), self._projected(parts, one))
            for one in request.get("GlobalSecondaryIndexes") or ()
        }
        self.items: dict[Key, Entry] = {}

    def _projected(self, parts: Any, index: Mapping[str, Any]) -> frozenset[str] | None:
        projection = index["Projection"]
        if projection["ProjectionType"] == "ALL":
            return None
        own = (part.name for part in (*self.own.parts, *parts(index["KeySchema"])))
        return frozenset((*own, *projection.get("NonKeyAttributes", ())))

    def emptied(self) -> "Table":
        """The same table with nothing in it."""
        return Table(self.description)

    def key_of(self, item: Item) -> Key:
        """Of an item that is to be put. Raises: RefusedError: it has no such key, or cannot be in an index."""
        for n, (name, kind) in enumerate(self.own.parts):
            demand_key(name, item.get(name), kind, is_hash=n == 0)
        self._demand_index_keys(item)
        return self._key(item)

    def key(self, given: Any) -> tuple[Key, Item]:
        """A key as a request names it, and the attributes that it consists of. Raises: RefusedError."""
        key = {name: taken(value) for name, value in given.items()}
        if set(key) != {name for name, _ in self.own.parts}:
            raise RefusedError("The provided key element does not match the schema")
        for n, (name, kind) in enumerate(self.own.parts):
            if type_of(key[name]) != kind:
                raise RefusedError("The provided key element does not match the schema")
            demand_key_size(name, key[name], is_hash=n == 0)
        return self._key(key), key

    def _key(self, item: Item) -> Key:
        return tuple(rank(item[name]) for name, _ in self.own.parts)

    def _demand_index_keys(self, item: Item) -> None:
        for index in self.indexes.values():
            for n, (name, kind) in enumerate(index.parts):
                if name in item:
                    _demand_index_key(index.name, KeyPart(name, kind), item[name], is_hash=n == 0)

    def put(self, key: Key, item: Item) -> None:
        """Raises: RefusedError: the item is too large."""
        size = size_of_item(item)
        if size > MOST_BYTES:
            raise RefusedError("Item size has exceeded the maximum allowed size")
        self.remove(key)
        self.items[key] = Entry(item, size)
        for index in (self.own, *self.indexes.values()):
            index.add(item, key)

    def remove(self, key: Key) -> None:
        entry = self.items.pop(key, None)
        if entry is not None:
            for index in (self.own, *self.indexes.values()):
                index.remove(entry.item, key)

    def item(self, key: Key) -> Item | None:
        entry = self.items.get(key)
        return None if entry is None else entry.item

    def scanned(self, index: Index) -> list[Scanned]:
        """All that is in an index (or in the table), as a scan comes by."""
        return sorted(
            (*place_of(partition), entry) for partition, entries in index.partitions.items() for entry in entries
        )


def place_of(partition: Any) -> tuple[int, str]:
    """Where a scan meets a partition: its hash, so in no order that means anything, and what tells it from another with
    the same."""
    text = repr(partition)
    return int.from_bytes(md5(text.encode(errors="surrogatepass")).digest()[:4]), text  # noqa: S324 (no secret)


def _demand_index_key(index: str, part: KeyPart, value: Value, *, is_hash: bool) -> None:
    if type_of(value) != part.kind:
        told = f"Expected: {part.kind} Actual: {type_of(value)} IndexName: {index}"
        raise RefusedError(f"One or more parameter values were invalid: Type mismatch for Index Key {part.name} {told}")
    if value in ({"S": ""}, {"B": b""}):
        told = "The AttributeValue for a key attribute cannot contain an empty string value."
        raise RefusedError(
            "One or more parameter values are not valid. A value specified for a secondary index key is not supported. "
            f"{told} IndexName: {index}, IndexKey: {part.name}"
        )
    demand_key_size(part.name, value, is_hash=is_hash)
