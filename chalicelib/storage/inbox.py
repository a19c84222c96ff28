"""A user's inbox: what was sent live, in order, until it expires.

Cursors are dense: 1, 2, 3 … Each is assigned by the transaction that writes its entry, so whoever has seen 7 could see
everything before it, and a client that gets 9 knows that it missed 8. One notification has one entry, however often its
delivery is repeated.
"""

import random
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.clock import Clock, rfc3339
from chalicelib.errors import UnavailableError
from chalicelib.storage.dynamodb import reaching_dynamodb, transaction, update_if
from chalicelib.storage.rows.live import InboxRow
from chalicelib.storage.values import find

_TRIES = 10
_HEAD = "head"
_ENTRY = "entry#"
_ID = "id#"
_DIGITS = 15


class InboxState(NamedTuple):
    """The newest cursor (0: nothing yet) and the number of unread entries."""

    last: int = 0
    read_through: int = 0
    unread: int = 0

    def shown(self) -> dict[str, Any]:
        """For clients."""
        return {"cursor": str(self.last), "unread": self.unread}


class InboxPage(NamedTuple):
    """Entries; `following` is the cursor to continue from, None: there are no more."""

    entries: list[dict[str, Any]]
    following: int | None
    head: InboxState


def _pause_after_contention(tried: int) -> None:
    """Nothing before the first try, then a random delay, so that contenders do not meet again."""
    if tried:
        time.sleep(random.uniform(0, 0.01 * tried))  # noqa: S311 - not a secret


class Inbox:
    """Every method raises: UnavailableError (retryable)."""

    def __init__(self, *, clock: Clock, retention_days: int) -> None:
        self._clock = clock
        self._retention = timedelta(days=retention_days)

    def put(self, user_id: str, notification_id: str, content: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
        """Writes an entry, or finds the one that this notification has; with the number of unread ones."""
        for tried in range(_TRIES):
            _pause_after_contention(tried)
            head = self.head(user_id)
            row = self._put(user_id, notification_id, content, head)
            if row is not None:
                return _shown(row, head), head.unread + 1
            known = self._find(user_id, [notification_id])
            if known:
                head = self.head(user_id)
                return _shown(known[0], head), head.unread
        raise UnavailableError("the inbox was contended")

    def head(self, user_id: str) -> InboxState:
        """The state now."""
        row = find(InboxRow, user_id, _HEAD)
        return (
            InboxState()
            if row is None
            else InboxState(int(row.last or 0), int(row.read_through or 0), int(row.unread or 0))
        )

    def page(self, user_id: str, *, before: int | None, limit: int) -> InboxPage:
        """Entries older than the cursor `before`, newest first."""
        newest = _entry_part(before - 1) if before else _entry_part(10**_DIGITS - 1)
        keys = InboxRow.part.between(_entry_part(0), newest)
        return self._page(user_id, keys, limit=limit, forward=False)

    def after(self, user_id: str, cursor: int, *, limit: int) -> InboxPage:
        """Entries newer than the cursor, oldest first: what a client missed."""
        keys = InboxRow.part.between(_entry_part(cursor + 1), _entry_part(10**_DIGITS - 1))
        return self._page(user_id, keys, limit=limit, forward=True)

    def read(self, user_id: str, ids: Sequence[str]) -> int:
        """Marks these as read, ignoring missing ids; returns the number of unread ones. After an error some may be
        marked: the call may be repeated."""
        for row in self._find(user_id, ids):
            self._read(user_id, row)
        return self.head(user_id).unread

    def read_all(self, user_id: str) -> int:
        """Marks everything there now as read; returns the number of unread ones: 0, unless more has come."""
        head = self.head(user_id)
        if head.last == 0:
            return 0
        row = InboxRow(user_id, _HEAD)
        for _ in range(_TRIES):
            if update_if(row, [InboxRow.read_through.set(head.last), InboxRow.unread.set(0)], _as_seen(head)):
                return 0
            head = self.head(user_id)
        raise UnavailableError("the inbox was contended")

    def recount(self, user_id: str) -> InboxState:
        """The state, with the unread ones recounted if there are any: entries expire silently."""
        head = self.head(user_id)
        if head.unread == 0:
            return head
        epoch = int(self._clock().timestamp())
        keys = InboxRow.part.between(_entry_part(head.read_through + 1), _entry_part(head.last))
        fresh = InboxRow.read_at.does_not_exist() & (InboxRow.expires_at_epoch > epoch)
        with reaching_dynamodb():
            unread = InboxRow.count(user_id, keys, filter_condition=fresh, consistent_read=True)
        told = unread == head.unread or update_if(
            InboxRow(user_id, _HEAD), [InboxRow.unread.set(unread)], _as_seen(head)
        )
        if not told:
            return self.head(user_id)
        return InboxState(head.last, head.read_through, unread)

    def erase(self, user_id: str) -> None:
        """Removes the whole inbox of a user."""
        with reaching_dynamodb(), InboxRow.batch_write() as batch:
            for row in InboxRow.query(user_id, attributes_to_get=["user_id", "part"], consistent_read=True):
                batch.delete(row)

    def _put(self, user_id: str, notification_id: str, content: Mapping[str, Any], head: InboxState) -> InboxRow | None:
        at = self._clock()
        expires = int((at + self._retention).timestamp())
        cursor = head.last + 1
        entry = InboxRow(
            user_id,
            _entry_part(cursor),
            cursor=cursor,
            content={"id": notification_id, **content},
            created_at=rfc3339(at),
            expires_at_epoch=expires,
        )
        mark = InboxRow(user_id, _ID + notification_id, cursor=cursor, expires_at_epoch=expires)
        row = InboxRow(user_id, _HEAD)
        # The count too: what is told to the client with the entry is then exact.
        same = (InboxRow.last == head.last) & (InboxRow.unread == head.unread)
        expected = same if head.last else InboxRow.last.does_not_exist()
        actions: list[Action] = [InboxRow.last.set(cursor), InboxRow.unread.add(1)]

        def write(writes: TransactWrite) -> None:
            writes.update(row, actions=actions, condition=expected)
            writes.save(mark, condition=InboxRow.part.does_not_exist())
            writes.save(entry)

        return entry if transaction(write) else None

    def _find(self, user_id: str, ids: Sequence[str]) -> list[InboxRow]:
        with reaching_dynamodb():
            marks = list(InboxRow.batch_get([(user_id, _ID + one) for one in set(ids)], consistent_read=True))
            places = [(user_id, _entry_part(int(mark.cursor or 0))) for mark in marks]
            return list(InboxRow.batch_get(places, consistent_read=True)) if places else []

    def _read(self, user_id: str, entry: InboxRow) -> None:
        at = rfc3339(self._clock())

        def write(writes: TransactWrite) -> None:
            writes.update(
                InboxRow(user_id, entry.part),
                actions=[InboxRow.read_at.set(at)],
                condition=InboxRow.read_at.does_not_exist() & InboxRow.part.exists(),
            )
            writes.update(
                InboxRow(user_id, _HEAD),
                actions=[InboxRow.unread.add(-1)],
                condition=(InboxRow.unread > 0) & _unread_from(int(entry.cursor or 0)),
            )

        transaction(write)  # refused: it was read already, alone or with all

    def _page(self, user_id: str, keys: Any, *, limit: int, forward: bool) -> InboxPage:
        epoch = int(self._clock().timestamp())
        head = self.head(user_id)  # before the entries: all up to its `last` can be seen by the query
        with reaching_dynamodb():
            found = InboxRow.query(
                user_id, keys, consistent_read=True, scan_index_forward=forward, limit=limit + 1, page_size=limit + 1
            )
            rows = list(found)
        more = len(rows) > limit
        rows = rows[:limit]
        entries = [_shown(row, head) for row in rows if (row.expires_at_epoch or 0) > epoch]
        return InboxPage(entries, int(rows[-1].cursor or 0) if more else None, head)


def _unread_from(cursor: int) -> Any:
    return InboxRow.read_through.does_not_exist() | (InboxRow.read_through < cursor)


def _entry_part(cursor: int) -> str:
    return f"{_ENTRY}{cursor:0{_DIGITS}d}"


def _shown(row: InboxRow, head: InboxState) -> dict[str, Any]:
    cursor = int(row.cursor or 0)
    read = row.read_at is not None or cursor <= head.read_through
    return {**(row.content or {}), "cursor": str(cursor), "at": row.created_at, "read": read}


def _as_seen(head: InboxState) -> Condition:
    unchanged: Condition = (InboxRow.last == head.last) & (InboxRow.unread == head.unread)
    return unchanged
