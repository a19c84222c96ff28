"""What an UpdateExpression makes of an item."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from tests.twin.expressions import Change, read
from tests.twin.operands import Path, Scope, found, scope_of, there
from tests.twin.tables import Table
from tests.twin.values import (
    MOST_BYTES,
    SETS,
    Item,
    RefusedError,
    Value,
    added,
    copied,
    copied_item,
    size_of_item,
    type_of,
)

_WHAT = "UpdateExpression"


def updated(table: Table, request: Any, old: Item) -> tuple[Item, frozenset[str]]:
    """The new item, and the names of the attributes that were spoken of. Raises: RefusedError."""
    new = copied_item(old)
    if _WHAT not in request:
        return new, frozenset()
    scope = Scope(_WHAT, *scope_of(request))
    changes: Sequence[Change] = read(_WHAT, request[_WHAT]).said
    paths = [change.place.path(scope) for change in changes]
    _demand_apart(paths, scope)
    _demand_no_key(table, paths)
    for change in changes:
        _demand_operand(change, scope)
    # Every right side is of the item as it was; what is removed of a list leaves the places of the others as they are
    # until all is done.
    values = [_new_value(change, path, old, scope) for change, path in zip(changes, paths, strict=True)]
    removed = []
    for change, path, value in zip(changes, paths, values, strict=True):
        if value is not None:
            _set(new, path, value)
        elif change.section in ("REMOVE", "DELETE"):
            removed.append(path)
    for path in sorted(removed, key=_last_first):
        _remove(new, path)
    if size_of_item(new) > MOST_BYTES:
        raise RefusedError("Item size to update has exceeded the maximum allowed size")
    table.key_of(new)
    return new, frozenset(str(path[0]) for path in paths)


def _last_first(path: Path) -> Any:
    return tuple(-step if isinstance(step, int) else 0 for step in path)


def _new_value(change: Change, path: Path, old: Item, scope: Scope) -> Value | None:
    """None where something is taken away, or nothing done."""
    if change.operand is None:
        return None
    if change.section == "SET":
        return copied(there(change.operand.value(old, scope)))
    current, value = found(old, path), there(change.operand.value(old, scope))
    if change.section == "ADD":
        return _added(current, value)
    return None if current is None else _without(current, value)


def _demand_operand(change: Change, scope: Scope) -> None:
    """What is wrong whatever the item is."""
    if change.section not in ("ADD", "DELETE") or change.operand is None:
        return
    value = there(change.operand.value({}, scope))
    allowed = (*SETS, "N") if change.section == "ADD" else tuple(SETS)
    if type_of(value) not in allowed:
        raise scope.operand_refusal(change.section, value)


def _added(current: Value | None, value: Value) -> Value:
    if current is None:
        return copied(value)
    kind = type_of(value)
    if type_of(current) != kind:
        raise RefusedError("An operand in the update expression has an incorrect data type")
    if kind == "N":
        return added(current, value)
    return {kind: sorted({*current[kind], *value[kind]}, key=Decimal if kind == "NS" else None)}


def _without(current: Value, value: Value) -> Value | None:
    kind = type_of(value)
    if type_of(current) != kind:
        raise RefusedError("An operand in the update expression has an incorrect data type")
    left = [one for one in current[kind] if one not in value[kind]]
    return {kind: left} if left else None


def _demand_apart(paths: Sequence[Path], scope: Scope) -> None:
    for n, one in enumerate(paths):
        for other in paths[n + 1 :]:
            shorter = min(len(one), len(other))
            if one[:shorter] == other[:shorter]:
                told = f"path one: {_told(one)}, path two: {_told(other)}"
                what = "Two document paths overlap with each other; must remove or rewrite one of these paths"
                raise scope.refusal(f"{what}; {told}")


def _told(path: Path) -> str:
    return "[" + ", ".join(f"[{step}]" if isinstance(step, int) else step for step in path) + "]"


def _demand_no_key(table: Table, paths: Sequence[Path]) -> None:
    own = {part.name for part in table.own.parts}
    for path in paths:
        if path[0] in own:
            told = f"Cannot update attribute {path[0]}. This attribute is part of the key"
            raise RefusedError(f"One or more parameter values were invalid: {told}")


def _parent(item: Item, path: Path) -> Any:
    """The map or the list that holds the end of a path. Raises: RefusedError: there is none."""
    parent: Any = {"M": item} if len(path) == 1 else found(item, path[:-1])
    wanted = "M" if isinstance(path[-1], str) else "L"
    if parent is None or wanted not in parent:
        raise RefusedError("The document path provided in the update expression is invalid for update")
    return parent[wanted]


def _set(item: Item, path: Path, value: Value) -> None:
    parent, last = _parent(item, path), path[-1]
    if isinstance(last, str) or last < len(parent):
        parent[last] = value
    else:
        parent.append(value)


def _remove(item: Item, path: Path) -> None:
    parent, last = _parent(item, path), path[-1]
    if isinstance(last, str):
        parent.pop(last, None)
    elif last < len(parent):
        del parent[last]
