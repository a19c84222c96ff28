"""The inbox of a user: what was sent live, in order, until it is read and its time is over.

Cursors are dense: 1, 2, 3 … Each is given out by the transaction that writes its entry, so whoever has seen 7 has been
able to see all before it, and a client that gets 9 knows that it missed 8. One notification has one entry, however
often its delivery is repeated.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.clock import Clock, rfc3339
from chalicelib.errors import UnavailableError
from chalicelib.storage.dynamodb import find, reaching_dynamodb, update_if
from chalicelib.storage.rows.live import InboxRow

_TRIES = 10
_HEAD = "head"
_ENTRY = "entry#"
_ID = "id#"
_DIGITS = 15
_FAILED = "ConditionalCheckFailed"


class Head(NamedTuple):
    """The state of an inbox: its newest cursor (0: nothing yet) and the count of the unread."""

    last: int = 0
    read_through: int = 0
    unread: int = 0

    def shown(self) -> dict[str, Any]:
        """For clients."""
        return {"cursor": str(self.last), "unread": self.unread}


class Page(NamedTuple):
    """Entries; `following` is the cursor to go on from, None: there are no more."""

    entries: list[dict[str, Any]]
    following: int | None
    head: Head


def pause_after_contention(tried: int) -> None:
    """Nothing before the first try; then a random while, so that those who met do not meet again."""
    if tried:
        time.sleep(random.uniform(0, 0.01 * tried))  # noqa: S311 - not a secret


class Inbox:
    """The inboxes of one stage."""

    def __init__(
        self, *, clock: Clock, retention_days: int, pause: Callable[[int], None] = pause_after_contention
    ) -> None:
        self._clock = clock
        self._pause = pause
        self._retention = timedelta(days=retention_days)

    def put(self, user_id: str, notification_id: str, content: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
        """Writes an entry, or finds the one that this notification has; with it the count of the unread. Raises:
        UnavailableError (retryable)."""
        for tried in range(_TRIES):
            self._pause(tried)
            head = self.head(user_id)
            row = self._put(user_id, notification_id, content, head)
            if row is not None:
                return _shown(row, head), head.unread + 1
            known = self._find(user_id, [notification_id])
            if known:
                head = self.head(user_id)
                return _shown(known[0], head), head.unread
        raise UnavailableError("the inbox was contended")

    def head(self, user_id: str) -> Head:
        """The state now. Raises: UnavailableError (retryable)."""
        row = find(InboxRow, user_id, _HEAD)
        return Head() if row is None else Head(int(row.last or 0), int(row.read_through or 0), int(row.unread or 0))

    def page(self, user_id: str, *, before: int | None, limit: int) -> Page:
        """Entries older than the cursor `before`, newest first. Raises: UnavailableError (retryable)."""
        newest = _entry_part(before - 1) if before else _entry_part(10**_DIGITS - 1)
        keys = InboxRow.part.between(_entry_part(0), newest)
        return self._page(user_id, keys, limit=limit, forward=False)

    def after(self, user_id: str, cursor: int, *, limit: int) -> Page:
        """Entries newer than the cursor, oldest first: what a client missed. Raises: UnavailableError (retryable)."""
        keys = InboxRow.part.between(_entry_part(cursor + 1), _entry_part(10**_DIGITS - 1))
        return self._page(user_id, keys, limit=limit, forward=True)

    def read(self, user_id: str, ids: Sequence[str]) -> int:
        """Marks these as read; ids that are not there are passed over. The count of the unread. Raises:
        UnavailableError (retryable): some may be marked, the call may be repeated."""
        for row in self._find(user_id, ids):
            self._read(user_id, row)
        return self.head(user_id).unread

    def read_all(self, user_id: str) -> int:
        """Marks all that is there now as read. The count of the unread: 0, unless more has come. Raises:
        UnavailableError (retryable)."""
        head = self.head(user_id)
        if head.last == 0:
            return 0
        row = InboxRow(user_id, _HEAD)
        for _ in range(_TRIES):
            if update_if(row, [InboxRow.read_through.set(head.last), InboxRow.unread.set(0)], _as_seen(head)):
                return 0
            head = self.head(user_id)
        raise UnavailableError("the inbox was contended")

    def recount(self, user_id: str) -> Head:
        """The state, with the unread counted anew where there are any: entries whose time is over leave by themselves
        and tell nobody. Raises: UnavailableError (retryable)."""
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
        return Head(head.last, head.read_through, unread)

    def erase(self, user_id: str) -> None:
        """Removes the whole inbox of a user. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb(), InboxRow.batch_write() as batch:
            for row in InboxRow.query(user_id, attributes_to_get=["user_id", "part"], consistent_read=True):
                batch.delete(row)

    def _put(self, user_id: str, notification_id: str, content: Mapping[str, Any], head: Head) -> InboxRow | None:
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
        connection = InboxRow._get_connection().connection
        with reaching_dynamodb():
            try:
                with TransactWrite(connection=connection) as transaction:
                    transaction.update(row, actions=actions, condition=expected)
                    transaction.save(mark, condition=InboxRow.part.does_not_exist())
                    transaction.save(entry)
            except TransactWriteError as error:
                if not error.cancellation_reasons:
                    raise
                return None
        return entry

    def _find(self, user_id: str, ids: Sequence[str]) -> list[InboxRow]:
        with reaching_dynamodb():
            marks = list(InboxRow.batch_get([(user_id, _ID + one) for one in set(ids)], consistent_read=True))
            places = [(user_id, _entry_part(int(mark.cursor or 0))) for mark in marks]
            return list(InboxRow.batch_get(places, consistent_read=True)) if places else []

    def _read(self, user_id: str, entry: InboxRow) -> None:
        at = rfc3339(self._clock())
        connection = InboxRow._get_connection().connection
        for _ in range(_TRIES):
            with reaching_dynamodb():
                try:
                    with TransactWrite(connection=connection) as transaction:
                        transaction.update(
                            InboxRow(user_id, entry.part),
                            actions=[InboxRow.read_at.set(at)],
                            condition=InboxRow.read_at.does_not_exist() & InboxRow.part.exists(),
                        )
                        transaction.update(
                            InboxRow(user_id, _HEAD),
                            actions=[InboxRow.unread.add(-1)],
                            condition=(InboxRow.unread > 0) & _unread_from(int(entry.cursor or 0)),
                        )
                    return
                except TransactWriteError as error:
                    if not error.cancellation_reasons:
                        raise
                    if any(reason and reason.code == _FAILED for reason in error.cancellation_reasons):
                        return  # read already, alone or with all
        raise UnavailableError("the inbox was contended")

    def _page(self, user_id: str, keys: Any, *, limit: int, forward: bool) -> Page:
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
        return Page(entries, int(rows[-1].cursor or 0) if more else None, head)


def _unread_from(cursor: int) -> Any:
    return InboxRow.read_through.does_not_exist() | (InboxRow.read_through < cursor)


def _entry_part(cursor: int) -> str:
    return f"{_ENTRY}{cursor:0{_DIGITS}d}"


def _shown(row: InboxRow, head: Head) -> dict[str, Any]:
    cursor = int(row.cursor or 0)
    read = row.read_at is not None or cursor <= head.read_through
    return {**(row.content or {}), "cursor": str(cursor), "at": row.created_at, "read": read}


def _as_seen(head: Head) -> Condition:
    unchanged: Condition = (InboxRow.last == head.last) & (InboxRow.unread == head.unread)
    return unchanged
