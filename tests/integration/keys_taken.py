"""Which keys of tables and indexes the writers and readers of a piece of code meet, and how often: recorded below
PynamoDB, from the requests themselves and from the items before and after each.

A write counts where DynamoDB counts it: at the table, made or refused by its condition, twice in a transaction, once
for each KB (AWS, "DynamoDB read and write operations"); at an index, if what it projects has changed, once for the
place that is left and once for the place that is taken ("Using Global Secondary Indexes in DynamoDB").
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any, NamedTuple

from chalicelib.storage.dynamodb import dynamodb
from infra.local.statements import inserted
from tests.twin.process import of_the_stage
from tests.twin.tables import Index, Table

KB = 1024
Item = Mapping[str, Any]  # as DynamoDB has it


class Key(NamedTuple):
    """One partition key; `place` is the index, empty for the table itself."""

    table: str
    place: str
    value: str


class KeysTaken:
    """The units of capacity that each key takes from now on."""

    def __init__(self) -> None:
        self.written: defaultdict[Key, float] = defaultdict(float)
        self.read: defaultdict[Key, float] = defaultdict(float)
        self.largest: Counter[str] = Counter()  # item of each table, in bytes
        self.most_in_a_transaction = 0
        self._before: list[tuple[str, Item, Item | None]] = []
        events = dynamodb().client.meta.events
        events.register("before-call.dynamodb", self._note_before)
        events.register("after-call.dynamodb", self._note_after)

    def _note_before(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        asked = json.loads(params["body"])
        written = list(_written(model.name, asked))
        if model.name == "TransactWriteItems":
            self.most_in_a_transaction = max(self.most_in_a_transaction, len(written))
        self._before = [(table, key, _item(table, key)) for table, key in written]
        for key, units in _read(model.name, asked):
            self.read[key] += units

    def _note_after(self, model: Any, **_: Any) -> None:
        for table, key, before in self._before:
            after = _item(table, key)
            size = max(_size(before), _size(after))
            self.largest[table] = max(self.largest[table], size)
            name = _table(table).own.parts[0].name
            units = max(1, ceil(size / KB)) * (2 if model.name == "TransactWriteItems" else 1)
            self.written[Key(table, "", _text(key[name]))] += units
            for index in _table(table).indexes.values():
                self._note_index(table, index, before or {}, after or {})
        self._before = []

    def _note_index(self, table: str, index: Index, before: Item, after: Item) -> None:
        old, new = _projected(index, before), _projected(index, after)
        if old == new:
            return
        hash_key = index.parts[0].name
        places = [_place(index, one) for one in (old, new)]
        for one in (new,) if places[0] == places[1] else (old, new):
            if one:
                self.written[Key(table, index.name, _text(one[hash_key]))] += max(1, ceil(_size(one) / KB))


def _written(operation: str, asked: Mapping[str, Any]) -> Iterator[tuple[str, Item]]:
    """Table and primary key of each item that a request writes, or only checks."""
    if operation == "TransactWriteItems":
        for one in asked["TransactItems"]:
            [(what, write)] = one.items()
            yield write["TableName"], _key(write["TableName"], write["Item"] if what == "Put" else write["Key"])
    elif operation == "BatchExecuteStatement":
        for statement in asked["Statements"]:
            table, item = inserted(statement)
            yield table, _key(table, item)
    elif operation == "BatchWriteItem":
        for table, writes in asked["RequestItems"].items():
            for one in writes:
                item = one["PutRequest"]["Item"] if "PutRequest" in one else one["DeleteRequest"]["Key"]
                yield table, _key(table, item)
    elif operation in ("PutItem", "UpdateItem", "DeleteItem"):
        yield asked["TableName"], _key(asked["TableName"], asked["Item"] if operation == "PutItem" else asked["Key"])


def _read(operation: str, asked: Mapping[str, Any]) -> Iterator[tuple[Key, float]]:
    """The partition keys that a request reads, with their units: ours are items of less than 4 KB."""
    if operation not in ("BatchGetItem", "GetItem", "Query"):
        return
    tables: Mapping[str, Any] = asked.get("RequestItems") or {asked["TableName"]: asked}
    for table, how in tables.items():
        units = 1.0 if how.get("ConsistentRead") else 0.5
        if operation == "Query":
            index = how.get("IndexName", "")
            yield Key(table, index, _text(_sought(how, _hash_key(table, index)))), units
            continue
        for key in how["Keys"] if operation == "BatchGetItem" else [how["Key"]]:
            yield Key(table, "", _text(key[_hash_key(table, "")])), units


def _sought(how: Mapping[str, Any], hash_key: str) -> Mapping[str, Any]:
    """The value of the hash key that a query names."""
    names = how.get("ExpressionAttributeNames", {}).items()
    name = next((name for name, attribute in names if attribute == hash_key), hash_key)
    [value] = re.findall(rf"{name} = (:\w+)", how["KeyConditionExpression"])
    found: Mapping[str, Any] = how["ExpressionAttributeValues"][value]
    return found


def _hash_key(table: str, index: str) -> str:
    found = _table(table)
    return (found.indexes[index] if index else found.own).parts[0].name


def _table(name: str) -> Table:
    return of_the_stage().tables[name]


def _item(table: str, key: Item) -> Item | None:
    return of_the_stage().item(table, dict(key))


def _key(table: str, item: Item) -> Item:
    return {part.name: item[part.name] for part in _table(table).own.parts}


def _projected(index: Index, item: Item) -> Item:
    """What an index holds of an item; empty where it holds nothing of it."""
    return index.held(dict(item)) if index.holds(dict(item)) else {}


def _place(index: Index, item: Item) -> list[Any]:
    return [item.get(part.name) for part in index.parts]


def _size(item: Item | None) -> int:
    """Roughly what DynamoDB counts: names and values in UTF-8."""
    return (
        0
        if item is None
        else sum(len(name) + len(json.dumps(value, default=str).encode()) for name, value in item.items())
    )


def _text(value: Mapping[str, Any]) -> str:
    return str(next(iter(value.values())))
