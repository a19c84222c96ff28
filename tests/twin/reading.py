"""Queries and scans: pages of a table or of an index."""

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.twin.conditions import All, BeginsWith, Between, Compared, Condition, Equal
from tests.twin.expressions import Read, read
from tests.twin.operands import Given, Place, Scope, demand_used, found, scope_of
from tests.twin.tables import Index, Key, KeyPart, Table, place_of
from tests.twin.values import (
    KB,
    Item,
    RefusedError,
    Value,
    copied,
    copied_item,
    demand_key_size,
    rank,
    size_of_item,
    taken,
    type_of,
)

_PAGE_BYTES = KB * KB
_ANYTHING = Read(All(()), frozenset(), ())


@dataclass(frozen=True)
class _Reading:
    """What a query or a scan asks for."""

    table: Table
    index: Index
    request: Mapping[str, Any]
    names: Mapping[str, str]
    values: Mapping[str, Value]
    filtered: Read
    places: tuple[Place, ...]
    start: Item | None

    def scope(self, what: str) -> Scope:
        return Scope(what, self.names, self.values)


def _reading(table: Table, request: Mapping[str, Any], also: frozenset[str] = frozenset()) -> _Reading:
    """`also` is used by the key condition. Raises: RefusedError."""
    names, values = scope_of(request)
    filtered = read("FilterExpression", request["FilterExpression"]) if "FilterExpression" in request else _ANYTHING
    places, used = projected(request)
    demand_used(names, values, filtered.used | used | also)
    index = _index(table, request)
    limit = request.get("Limit")
    if limit is not None and limit < 1:
        raise RefusedError(
            f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1"
        )
    reading = _Reading(table, index, request, names, values, filtered, places, _start(table, index, request))
    reading.filtered.said.holds({}, reading.scope("FilterExpression"))  # what is undefined is told of no item too
    _demand_projected(reading)
    return reading


def _index(table: Table, request: Mapping[str, Any]) -> Index:
    name = request.get("IndexName")
    if name is None:
        return table.own
    if name not in table.indexes:
        raise RefusedError(f"The table does not have the specified index: {name}")
    if request.get("ConsistentRead"):
        raise RefusedError("Consistent reads are not supported on global secondary indexes")
    return table.indexes[name]


def _demand_projected(reading: _Reading) -> None:
    """Raises: RefusedError: more is asked of an index than it holds."""
    held = reading.index.names
    wanted = [place.top(reading.scope("ProjectionExpression")) for place in reading.places]
    if held is not None and (missing := [name for name in wanted if name not in held]):
        raise RefusedError(
            f"One or more parameter values were invalid: Global secondary index {reading.index.name} does not project "
            f"[{', '.join(missing)}]"
        )
    if held is not None and reading.request.get("Select") == "ALL_ATTRIBUTES":
        raise RefusedError(
            "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global "
            f"secondary index {reading.index.name} because its projection type is not ALL"
        )


def _start(table: Table, index: Index, request: Mapping[str, Any]) -> Item | None:
    """Raises: RefusedError: that is no key to go on behind."""
    if request.get("ExclusiveStartKey") is None:
        return None
    start = {name: taken(value) for name, value in request["ExclusiveStartKey"].items()}
    parts = {part.name: (part, n == 0) for n, part in (*enumerate(index.parts), *enumerate(table.own.parts))}
    if set(start) != set(parts):
        raise RefusedError("The provided starting key is invalid")
    for name, (part, is_hash) in parts.items():
        if type_of(start[name]) != part.kind:
            raise RefusedError(
                "The provided starting key is invalid: The provided key element does not match the schema"
            )
        demand_key_size(name, start[name], is_hash=is_hash)
    return start


# Queries


def page_of_query(table: Table, request: Mapping[str, Any]) -> dict[str, Any]:
    """Raises: RefusedError."""
    if "KeyConditionExpression" not in request:
        raise RefusedError(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
        )
    keys = read("KeyConditionExpression", request["KeyConditionExpression"])
    reading = _reading(table, request, keys.used)
    _demand_no_keys_filtered(reading)
    partition, bounds = _sought(keys.said, reading)
    entries = reading.index.partitions.get(partition, [])
    begin, end = _stretch(entries, bounds)
    backwards = request.get("ScanIndexForward") is False
    if reading.start is not None:
        started, place = reading.index.place(reading.start, table.key(_own(table, reading.start))[0])
        if started != partition:
            raise RefusedError("The provided starting key is outside query boundaries based on provided conditions")
        if backwards:
            end = min(end, bisect_left(entries, place))
        else:
            begin = max(begin, bisect_right(entries, place))
    keys_in_turn = (key for _, key in (reversed(entries[begin:end]) if backwards else entries[begin:end]))
    return _page(reading, keys_in_turn)


def _own(table: Table, start: Item) -> Item:
    return {name: start[name] for name, _ in table.own.parts}


def _demand_no_keys_filtered(reading: _Reading) -> None:
    own = [part.name for part in reading.index.parts]
    for place in reading.filtered.places:
        if (name := place.top(reading.scope("FilterExpression"))) in own:
            told = f"Primary key attribute: {name}"
            raise RefusedError(f"Filter Expression can only contain non-primary key attributes: {told}")


class _Bounds(NamedTuple):
    """Between which ranks of the range key; None: open; `start` is how it begins."""

    low: Any = None
    with_low: bool = True
    high: Any = None
    with_high: bool = True
    start: Any = None


def _sought(condition: Condition, reading: _Reading) -> tuple[Any, _Bounds]:
    """The partition, and the stretch of it. Raises: RefusedError: no index can be asked that."""
    scope = reading.scope("KeyConditionExpression")
    parts = reading.index.parts
    partition, bounds = None, _Bounds()
    conditions: Sequence[Any] = condition.conditions if isinstance(condition, All) else (condition,)
    if len(conditions) > len(parts):
        raise RefusedError("Query key condition not supported")
    for one in conditions:
        place = getattr(one, "tested", None) or getattr(one, "left", None) or getattr(one, "place", None)
        if not isinstance(place, Place):
            raise RefusedError("Invalid KeyConditionExpression: Invalid operator used in KeyConditionExpression")
        name = place.top(scope)
        if name == parts[0].name and isinstance(one, Equal) and one.operator == "=":
            partition = rank(_operand(one.right, parts[0], scope, is_hash=True))
        elif len(parts) > 1 and name == parts[1].name:
            bounds = _bounds(one, parts[1], scope)
        elif name == parts[0].name:
            raise RefusedError("Query key condition not supported")
        else:
            missed = next(part.name for part in reversed(parts))
            raise RefusedError(f"Query condition missed key schema element: {missed}")
    if partition is None:
        raise RefusedError(f"Query condition missed key schema element: {parts[0].name}")
    return partition, bounds


def _operand(operand: Any, part: KeyPart, scope: Scope, *, is_hash: bool = False) -> Value:
    if not isinstance(operand, Given):
        raise RefusedError("Invalid KeyConditionExpression: KeyConditionExpressions must compare keys with values")
    value = operand.value({}, scope)
    if type_of(value) != part.kind:
        raise RefusedError(
            "One or more parameter values were invalid: Condition parameter type does not match schema type"
        )
    demand_key_size(part.name, value, is_hash=is_hash)
    return value


def _bounds(condition: Any, part: KeyPart, scope: Scope) -> _Bounds:
    def ranked(operand: Any) -> Any:
        return rank(_operand(operand, part, scope))

    if isinstance(condition, Between):
        condition.holds({}, scope)  # refuses bounds the wrong way round
        return _Bounds(ranked(condition.low), True, ranked(condition.high), True)
    if isinstance(condition, BeginsWith):
        condition.holds({}, scope)
        return _Bounds(start=ranked(condition.start))
    if isinstance(condition, Equal) and condition.operator == "=":
        return _Bounds(ranked(condition.right), True, ranked(condition.right), True)
    if isinstance(condition, Compared):
        bound, including = ranked(condition.right), condition.operator.endswith("=")
        return (
            _Bounds(low=bound, with_low=including)
            if condition.operator.startswith(">")
            else _Bounds(high=bound, with_high=including)
        )
    raise RefusedError("Invalid operator used in KeyConditionExpression")


def _stretch(entries: list[tuple[Any, Key]], bounds: _Bounds) -> tuple[int, int]:
    def ranked(entry: tuple[Any, Key]) -> Any:
        return entry[0]

    if bounds.start is not None:
        begin = bisect_left(entries, bounds.start, key=ranked)
        length = len(bounds.start)
        return begin, bisect_right(entries, bounds.start, begin, key=lambda entry: entry[0][:length])
    begin, end = 0, len(entries)
    if bounds.low is not None:
        begin = (bisect_left if bounds.with_low else bisect_right)(entries, bounds.low, key=ranked)
    if bounds.high is not None:
        end = (bisect_right if bounds.with_high else bisect_left)(entries, bounds.high, key=ranked)
    return begin, max(begin, end)


# Scans


def page_of_scan(table: Table, request: Mapping[str, Any]) -> dict[str, Any]:
    """Raises: RefusedError."""
    reading = _reading(table, request)
    segment, segments = _segment(request)
    places = table.scanned(reading.index)
    if reading.start is not None:
        partition, entry = reading.index.place(reading.start, table.key(_own(table, reading.start))[0])
        places = places[bisect_right(places, (*place_of(partition), entry)) :]
    mine = [key for place, _, (_, key) in places if place * segments >> 32 == segment]
    return _page(reading, mine)


def _segment(request: Mapping[str, Any]) -> tuple[int, int]:
    """Which, of how many. Raises: RefusedError."""
    segment, segments = request.get("Segment"), request.get("TotalSegments")
    if segment is None and segments is None:
        return 0, 1
    if segment is None or segments is None:
        absent, present = ("TotalSegments", "Segment") if segments is None else ("Segment", "TotalSegments")
        raise RefusedError(
            f"The {absent} parameter is required but was not present in the request when {present} parameter is present"
        )
    if not 0 <= segment < segments:
        raise RefusedError(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            f"Segment: {segment} is not less than TotalSegments: {segments}"
        )
    return segment, segments


# Pages


def _page(reading: _Reading, keys: Iterable[Key]) -> dict[str, Any]:
    limit = reading.request.get("Limit")
    scope = reading.scope("FilterExpression")
    items: list[Item] = []
    looked_at, size, last = 0, 0, None
    counted = reading.request.get("Select") == "COUNT"
    more = False
    count = 0
    for key in keys:
        if looked_at == limit or size > _PAGE_BYTES:
            more = True
            break
        entry = reading.table.items[key]
        held = reading.index.held(entry.item)
        size += entry.size if held is entry.item else size_of_item(held)
        looked_at, last = looked_at + 1, entry.item
        if reading.filtered.said.holds(held, scope):
            count += 1
            if not counted:
                items.append(cut_to(reading.places, held, reading.scope("ProjectionExpression")))
    answer: dict[str, Any] = {"Count": count, "ScannedCount": looked_at}
    if not counted:
        answer["Items"] = items
    # Where a page is full, DynamoDB says that there may be more, though there is none.
    if last is not None and (more or looked_at == limit):
        names = dict.fromkeys(part.name for part in (*reading.table.own.parts, *reading.index.parts))
        answer["LastEvaluatedKey"] = {name: copied(last[name]) for name in names}
    return answer


def projected(request: Mapping[str, Any]) -> tuple[tuple[Place, ...], frozenset[str]]:
    """The places that are asked for, none for all, and the names that say so. Raises: RefusedError."""
    if "ProjectionExpression" not in request:
        return (), frozenset()
    said, used, _ = read("ProjectionExpression", request["ProjectionExpression"])
    return said, used


def cut_to(places: tuple[Place, ...], item: Item, scope: Scope) -> Item:
    """A copy of what is asked for of an item."""
    if not places:
        return copied_item(item)
    paths = sorted((place.path(scope) for place in places), key=str)
    for one, other in itertools.pairwise(paths):
        if other[: len(one)] == one:
            raise scope.refusal("Two document paths overlap with each other; must remove or rewrite one of these paths")
    cut: Item = {}
    for path in paths:
        value = found(item, path)
        if value is not None:
            _graft(cut, path, copied(value))
    return cut


def _graft(into: Item, path: tuple[Any, ...], value: Value) -> None:
    """Puts a value at its path, with the maps and lists that lead to it."""
    place: Any = into
    for step, following in itertools.pairwise(path):
        fresh: Value = {"M": {}} if isinstance(following, str) else {"L": []}
        if isinstance(step, str):
            place = place.setdefault(step, fresh)
        else:
            place.append(fresh)
            place = fresh
        [place] = place.values()
    if isinstance(path[-1], str):
        place[path[-1]] = value
    else:
        place.append(value)
