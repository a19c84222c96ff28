"""Brings live notifications to their users: first into the inbox, then to every open connection.

What is in the inbox is safe: users who are absent, or whose connection fails, get it by resuming.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from chalicelib.channels.live import Notice
from chalicelib.isolation import each, is_contained, is_final
from chalicelib.live import server_events as events
from chalicelib.live.posting import Poster
from chalicelib.live.server_events import ServerEvent
from chalicelib.observability import aside, log_failure
from chalicelib.reasons import Reason
from chalicelib.storage.connections import Connections
from chalicelib.storage.inbox import Inbox
from chalicelib.storage.live_people import user_person

_WRITERS = 8
_Written = tuple[int | Reason, ServerEvent | None]  # the place in the inbox, or why there is none


class Announce:
    """`channels.live.Announcer`."""

    def __init__(self, *, inbox: Inbox, connections: Connections, poster: Poster) -> None:
        self._inbox = inbox
        self._connections = connections
        self._poster = poster
        self._pool = ThreadPoolExecutor(max_workers=_WRITERS, thread_name_prefix="inbox")

    def announce(self, notices: Sequence[Notice]) -> list[int | Reason]:
        """Writes each user's notices in order; repeating it writes nothing twice. Never raises because of a connection
        or an inbox."""
        by_user: dict[str, list[Notice]] = {}
        for notice in notices:
            by_user.setdefault(notice.user_id, []).append(notice)
        users = by_user.values()
        done = map(self._write_all, users) if len(users) == 1 else self._pool.map(self._write_all, users)
        places: dict[int, int | Reason] = {}
        said: dict[str, list[ServerEvent]] = {}
        for notice, (place, event) in chain.from_iterable(done):
            places[id(notice)] = place
            if event is not None:
                said.setdefault(user_person(notice.user_id), []).append(event)
        with aside("live push"):  # the inbox has them
            self._poster.post_each((c, said[c.person]) for c in self._connections.of(said))
        return [places[id(notice)] for notice in notices]

    def _write_all(self, notices: Sequence[Notice]) -> list[tuple[Notice, _Written]]:
        return [(notice, self._write(notice)) for notice in notices]

    def _write(self, notice: Notice) -> _Written:
        failed: list[Reason] = []

        def alone(notice: Notice, error: Exception) -> None:
            log_failure("inbox", error, notification_id=notice.notification_id)
            failed.append(Reason.UNREADABLE if is_final(error) else Reason.INBOX_UNAVAILABLE)

        done = each(self._put, [notice], alone=alone, stays=is_contained)
        return done[0] if done else (failed[0], None)

    def _put(self, notice: Notice) -> _Written:
        entry, unread = self._inbox.put(notice.user_id, notice.notification_id, notice.content)
        return int(entry["cursor"]), events.notification(entry, unread=unread)
