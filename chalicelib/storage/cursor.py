"""Opaque cursors: where a list goes on. They are bound to their list, so that one list's cursor opens no other."""

import base64
import hashlib
import json
from typing import Any

from chalicelib.errors import InvalidError


def write_cursor(last_key: dict[str, Any], *, scope: str) -> str:
    """The cursor after the item with this key; `scope` names the list."""
    content = json.dumps({"s": _mark(scope, last_key), "k": last_key}, separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def read_cursor(cursor: str, *, scope: str) -> dict[str, Any]:
    """The key in a cursor. Raises: InvalidError (permanent): it is not one of this list's, or somebody changed it."""
    try:
        content = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if content["s"] == _mark(scope, content["k"]):
            return dict(content["k"])
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise InvalidError.of("cursor", "expected the cursor of an earlier answer of this list")


def _mark(scope: str, key: Any) -> str:
    """Against mistakes, not against forgery: whoever forges a key reads no more of the same list."""
    return hashlib.sha256(f"{scope}\n{json.dumps(key, sort_keys=True)}".encode()).hexdigest()[:12]
