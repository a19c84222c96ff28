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
from tests.integration.conftest import moto_of

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
            name = _table(table).hash_key_attr
            units = max(1, ceil(size / KB)) * (2 if model.name == "TransactWriteItems" else 1)
            self.written[Key(table, "", _text(key[name]))] += units
            for index in _table(table).global_indexes:
                self._note_index(table, index, before or {}, after or {})
        self._before = []

    def _note_index(self, table: str, index: Any, before: Item, after: Item) -> None:
        old, new = _projected(table, index, before), _projected(table, index, after)
        if old == new:
            return
        hash_key = index.schema[0]["AttributeName"]
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
            yield Key(table, "", _text(key[_table(table).hash_key_attr])), units


def _sought(how: Mapping[str, Any], hash_key: str) -> Mapping[str, Any]:
    """The value of the hash key that a query names."""
    name = next(name for name, attribute in how["ExpressionAttributeNames"].items() if attribute == hash_key)
    [value] = re.findall(rf"{name} = (:\w+)", how["KeyConditionExpression"])
    found: Mapping[str, Any] = how["ExpressionAttributeValues"][value]
    return found


def _hash_key(table: str, index: str) -> str:
    for one in _table(table).global_indexes:
        if one.name == index:
            return str(one.schema[0]["AttributeName"])
    return str(_table(table).hash_key_attr)


def _table(name: str) -> Any:
    return moto_of("dynamodb").tables[name]


def _item(table: str, key: Item) -> Item | None:
    found = moto_of("dynamodb").get_item(table, key)
    return None if found is None else found.to_json()["Attributes"]


def _key(table: str, item: Item) -> Item:
    return {one["AttributeName"]: item[one["AttributeName"]] for one in _table(table).schema}


def _projected(table: str, index: Any, item: Item) -> Item:
    """What an index holds of an item; empty where it holds nothing of it."""
    own = [one["AttributeName"] for one in index.schema]
    if any(name not in item for name in own):
        return {}
    projection = index.projection
    if projection["ProjectionType"] == "ALL":
        return item
    names = {*own, *_key(table, item), *projection.get("NonKeyAttributes", ())}
    return {name: value for name, value in item.items() if name in names}


def _place(index: Any, item: Item) -> list[Any]:
    return [item.get(one["AttributeName"]) for one in index.schema]


def _size(item: Item | None) -> int:
    """About what DynamoDB reckons: names and values in UTF-8."""
    return (
        0
        if item is None
        else sum(len(name) + len(json.dumps(value, default=str).encode()) for name, value in item.items())
    )


def _text(value: Mapping[str, Any]) -> str:
    return str(next(iter(value.values())))
