"""The inbox over the WebSocket: list, read, resume."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.live import server_events as events
from chalicelib.live.frames import MAX_PAGE, ListInbox, ReadAllInbox, ReadInbox, Resume
from chalicelib.live.posting import Poster
from chalicelib.live.server_events import MAX_FRAME_BYTES, FrameError, ServerEvent
from chalicelib.storage.connections import Connections
from chalicelib.storage.inbox import Inbox
from chalicelib.storage.live_people import Person, user_person

_ENVELOPE_BYTES = 512  # what surrounds the entries of a page
InboxFrame = ListInbox | ReadInbox | ReadAllInbox | Resume


class InboxCommands:
    def __init__(self, *, inbox: Inbox, connections: Connections, poster: Poster) -> None:
        self._inbox = inbox
        self._connections = connections
        self._poster = poster

    def take(self, frame: InboxFrame, person: Person) -> list[ServerEvent]:
        """Executes a frame and returns the answers to its sender. Raises: FrameError (permanent), UnavailableError
        (retryable)."""
        user_id = person.user_id
        if user_id is None:
            raise FrameError("user_needed")
        if isinstance(frame, ReadInbox):
            self.read(user_id, frame.ids)
            return []  # the count goes to all connections of the user, this one too
        if isinstance(frame, ReadAllInbox):
            self.read_all(user_id)
            return []
        if isinstance(frame, Resume):
            return [self._resume(user_id, int(frame.cursor))]
        return [self._list(user_id, frame)]

    def read(self, user_id: str, ids: Sequence[str]) -> int:
        """Marks these as read and tells every connection of the user. Raises: UnavailableError (retryable)."""
        return self._tell(user_id, self._inbox.read(user_id, ids))

    def read_all(self, user_id: str) -> int:
        """Marks everything as read and tells every connection of the user. Raises: UnavailableError (retryable)."""
        return self._tell(user_id, self._inbox.read_all(user_id))

    def _tell(self, user_id: str, unread: int) -> int:
        self._poster.post(self._connections.of([user_person(user_id)]), events.unread(unread))
        return unread

    def _list(self, user_id: str, frame: ListInbox) -> ServerEvent:
        before = int(frame.cursor) if frame.cursor else None
        page = self._inbox.page(user_id, before=before, limit=frame.limit)
        entries = fitting(page.entries)
        cut = len(entries) < len(page.entries)
        following = entries[-1]["cursor"] if cut else None if page.following is None else str(page.following)
        return events.inbox_page(entries, cursor=following, unread=page.head.unread)

    def _resume(self, user_id: str, cursor: int) -> ServerEvent:
        page = self._inbox.after(user_id, cursor, limit=MAX_PAGE)
        entries = fitting(page.entries)
        if len(entries) < len(page.entries):
            last, more = int(entries[-1]["cursor"]), True
        else:
            more = page.following is not None
            # With nothing left to send the client is at the head, even if the entries before it have expired.
            last = page.following or max([page.head.last, *(int(one["cursor"]) for one in entries)])
        return events.resumed(entries, cursor=str(last), more=more, unread=page.head.unread)


def fitting(entries: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """As many of the first entries as fit into one frame, at least one."""
    taken: list[Mapping[str, Any]] = []
    room = MAX_FRAME_BYTES - _ENVELOPE_BYTES
    for entry in entries:
        room -= len(json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode()) + 1
        if room < 0 and taken:
            break
        taken.append(entry)
    return taken
