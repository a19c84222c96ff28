"""Who is on a list, for audiences that join lists or leave some out: eight bytes for each, sorted, in memory.

A list never changes once it is read, except that an erased address leaves it, so a process reads each once. A million
rows are forty requests and 8 MB.
"""

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chalicelib.addresses import same_address_key
from chalicelib.storage.whole_lists import read_list

MAX_MEMBERS = 1_000_000  # of the lists of one audience that are compared with others
_KEPT = 2 * MAX_MEMBERS  # by a process: two such audiences
_DIGEST_BYTES = 8


class Members:
    """The people of one list."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._digests = array("Q", sorted(array("Q", map(_digest, keys))))

    def __len__(self) -> int:
        return len(self._digests)

    def __contains__(self, key: str) -> bool:
        wanted = _digest(key)
        at = bisect_left(self._digests, wanted)
        return at < len(self._digests) and self._digests[at] == wanted

    def has_any(self, keys: Sequence[str]) -> bool:
        """Whether somebody with one of these keys (`Target.keys`) is on it."""
        return any(key in self for key in keys)


class ListMembers:
    """Of the lists that were asked for last."""

    def __init__(self) -> None:
        self._known: dict[str, Members] = {}

    def of(self, list_id: str) -> Members:
        """Of one list. Raises: UnavailableError (retryable)."""
        found = self._known.pop(list_id, None)
        if found is None:
            found = Members(key_of(row) for rows in read_list(list_id) for row in rows)
        self._known[list_id] = found  # last: the others go first
        while sum(map(len, self._known.values())) > _KEPT and len(self._known) > 1:
            del self._known[next(iter(self._known))]
        return found


def key_of(row: Mapping[str, Any]) -> str:
    """The key of a row, as a target has it."""
    user_id = row.get("user_id")
    return f"user:{user_id}" if user_id else f"address:{same_address_key('email', row.get('email') or '')}"


def _digest(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=_DIGEST_BYTES).digest(), "big")
