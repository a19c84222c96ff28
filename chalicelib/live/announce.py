"""Brings live notifications to their users: first into the inbox, then to every open connection.

What is in the inbox is safe: users who are absent, or whose connection fails, get it by resuming.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

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
        by_person: dict[str, list[Notice]] = {}
        for notice in notices:
            by_person.setdefault(user_person(notice.user_id), []).append(notice)
        rounds = by_person.values()
        done = map(self._write_all, rounds) if len(rounds) == 1 else self._pool.map(self._write_all, rounds)
        written = {id(notice): one for each in done for notice, one in each}
        said = {
            person: [one[1] for notice in own if isinstance(one := written[id(notice)], tuple)]
            for person, own in by_person.items()
        }
        with aside("live push"):  # the inbox has them
            self._push({person: own for person, own in said.items() if own})
        places = [written[id(notice)] for notice in notices]
        return [one[0] if isinstance(one, tuple) else one for one in places]

    def _write_all(self, notices: Sequence[Notice]) -> list[tuple[Notice, tuple[int, ServerEvent] | Reason]]:
        return [(notice, self._write(notice)) for notice in notices]

    def _write(self, notice: Notice) -> tuple[int, ServerEvent] | Reason:
        failed: list[Reason] = []

        def alone(notice: Notice, error: Exception) -> None:
            log_failure("inbox", error, notification_id=notice.notification_id)
            failed.append(Reason.UNREADABLE if is_final(error) else Reason.INBOX_UNAVAILABLE)

        done = each(self._put, [notice], alone=alone, stays=is_contained)
        return done[0] if done else failed[0]

    def _put(self, notice: Notice) -> tuple[int, ServerEvent]:
        entry, unread = self._inbox.put(notice.user_id, notice.notification_id, notice.content)
        return int(entry["cursor"]), events.notification(entry, unread=unread)

    def _push(self, by_person: dict[str, list[ServerEvent]]) -> None:
        self._poster.post_each((c, by_person[c.person]) for c in self._connections.of(by_person))
