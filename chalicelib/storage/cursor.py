"""Opaque cursors: where a list continues. They are bound to their list, so that one list's cursor opens no other."""

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any, TypeVar

from chalicelib.errors import InvalidError, Phrase

_T = TypeVar("_T")
_TOO_MANY = 2**53


def write_cursor(last_key: dict[str, Any], *, scope: str) -> str:
    """The cursor after the item with this key; `scope` names the list."""
    content = json.dumps({"s": _mark(scope, last_key), "k": last_key}, separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def read_cursor(cursor: str, *, scope: str) -> dict[str, Any]:
    """The table key in a cursor, exactly as it was written. Raises: InvalidError (permanent): it does not belong to
    this list, or was changed."""
    return read_place(cursor, scope=scope, read=table_key)


def read_place(cursor: str, *, scope: str, read: Callable[[dict[str, Any]], _T]) -> _T:
    """The same for a list whose cursor is more than a key: the result of `read`, which may raise anything for a shape
    that the list does not write. Raises: InvalidError (permanent)."""
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))["k"]
        if key and write_cursor(key, scope=scope) == cursor:
            return read(key)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError):
        pass
    raise foreign_cursor()


def foreign_cursor() -> InvalidError:
    """The error for a cursor that does not belong to this list."""
    return InvalidError.of("cursor", Phrase("expected the cursor of an earlier answer of this list"))


def whole(number: object, *, least: int = 0) -> int:
    """A number in a cursor. Raises: ValueError: it is not one, or out of range."""
    if type(number) is int and least <= number < _TOO_MANY:
        return number
    raise ValueError("no whole number of a list")


def table_key(given: dict[str, Any]) -> dict[str, Any]:
    """A table key in a cursor. Raises: ValueError: it is not one."""
    for value in given.values():
        [(kind, content)] = value.items()
        if kind not in ("S", "N") or not isinstance(content, str) or not content:
            raise ValueError("no key of a table")
    return given


def _mark(scope: str, key: Any) -> str:
    """Against mistakes, not against forgery: a forged key reads nothing beyond the same list."""
    return hashlib.sha256(f"{scope}\n{json.dumps(key, sort_keys=True)}".encode()).hexdigest()[:12]
