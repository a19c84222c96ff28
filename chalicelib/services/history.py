"""Reads the ledger: one notification with its timeline, a user's history, and what was requested within a
span of time."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from chalicelib.clock import Clock, parse_rfc3339
from chalicelib.composed import Composed
from chalicelib.deliveries import notification_status, shown_status
from chalicelib.errors import InvalidError, NotFoundError, Phrase
from chalicelib.service_scope import EVERYTHING, Sight
from chalicelib.storage import notifications
from chalicelib.storage.cursor import read_place, write_cursor
from chalicelib.storage.deliveries import Delivery
from chalicelib.storage.notifications import Notification

PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
MAX_DAYS = 31


class Span(NamedTuple):
    """From a moment to before another; at most MAX_DAYS long."""

    since: datetime
    until: datetime

    @classmethod
    def of(cls, since: datetime | None, until: datetime | None, *, now: datetime) -> "Span":
        """Without an end it ends now, without a beginning it is a day long. Raises: InvalidError (permanent; names the
        field)."""
        end = until or now
        begin = since or end - timedelta(days=1)
        if begin >= end:
            raise InvalidError.of("until" if until else "since", Phrase("expected the beginning before the end"))
        if end - begin > timedelta(days=MAX_DAYS):
            too_long = Phrase.counted(
                "expected at most {n} day before the end", "expected at most {n} days before the end", n=MAX_DAYS
            )
            raise InvalidError.of("since", too_long)
        return cls(begin, end)


class History(Composed):
    clock: Clock

    def notification(self, notification_id: str, *, sight: Sight = EVERYTHING) -> dict[str, Any]:
        """One notification with its deliveries and their timeline. Raises: NotFoundError (permanent: there is none in
        `sight`), UnavailableError (retryable)."""
        found = notifications.read_with_deliveries(notification_id)
        if found is None or not sight.has(found[0].service):
            raise NotFoundError(Phrase("there is no notification {id}", id=notification_id))
        return self._describe(*found)

    def some(self, notification_ids: Sequence[str]) -> list[dict[str, Any]]:
        """Those of at most a hundred that are there, in no order. Raises: UnavailableError (retryable)."""
        return [self._describe(*found) for found in notifications.read_some(notification_ids)]

    def of_user(
        self, user_id: str, *, limit: int = PAGE_SIZE, cursor: str | None = None, sight: Sight = EVERYTHING
    ) -> tuple[list[dict[str, Any]], str | None]:
        """A page of a user's notifications in sight, newest first, and the next cursor. At most three requests, however
        long the history; two more if any is of the last release. Raises: InvalidError (permanent: a cursor that is not
        ours), UnavailableError (retryable)."""
        heads, following = notifications.of_owner(user_id, limit=limit, cursor=cursor)
        return [self._describe(*found) for found in notifications.with_deliveries(heads, sight)], following

    def search(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        template: str | None = None,
        status: str | None = None,
        cursor: str | None = None,
        sight: Sight = EVERYTHING,
    ) -> tuple[list[dict[str, Any]], str | None]:
        """What was requested within a span (see `Span.of`), newest first, campaigns excluded. A page reads at most a
        hundred notifications of one day (UTC), so the page of a quiet day, or a search for something rare, may be empty
        and still have a next one. At most seven requests: four find the notifications, the others read their rows, what
        became of them, and what providers call those of a chunk; two more if any is of the last release. Raises:
        InvalidError (permanent: a wrong span, a cursor that is not ours), UnavailableError (retryable)."""
        span = Span.of(since, until, now=self.clock())
        scope = f"{since}#{until}#{template}#{status}"
        place = read_place(cursor, scope=scope, read=lambda key: str(key["place"])) if cursor else None
        heads, reached = notifications.newest(span.since, span.until, place)
        wanted = [head for head in heads if template in (None, head.template)]
        if status is None and sight.everything:  # else only their deliveries tell who fits
            wanted = wanted[: PAGE_SIZE + 1]  # one more than a page says that there are more
        looked_at = notifications.in_one_request(wanted)
        if len(looked_at) < len(wanted):
            reached = looked_at[-1].place
        described = [(one[0], self._describe(*one)) for one in notifications.with_deliveries(looked_at, sight)]
        fitting = [(head, one) for head, one in described if status in (None, one["status"])]
        if len(fitting) > PAGE_SIZE:
            reached = fitting[PAGE_SIZE - 1][0].place
        following = write_cursor({"place": reached}, scope=scope) if reached else None
        return [one for _, one in fitting[:PAGE_SIZE]], following

    def only_of(self, notification_ids: Iterable[str], sight: Sight) -> set[str]:
        """Those of these notifications that are in sight. Raises: UnavailableError (retryable)."""
        return notifications.only_in_sight(notification_ids, sight)

    def _describe(self, head: Notification, deliveries: Sequence[Delivery]) -> dict[str, Any]:
        waiting = head.send_at is not None and parse_rfc3339(head.send_at) > self.clock()
        statuses = [one.status for one in deliveries]
        return {
            "id": head.id,
            "request_id": head.request_id,
            "status": notification_status(statuses, channels=len(head.channels), scheduled=waiting),
            "recipient": head.recipient,
            "template": head.template,
            "template_version": head.template_version,
            "category": head.category,
            "lane": head.lane,
            "channels": list(head.channels),
            "created_at": head.created_at,
            "send_at": head.send_at,
            "expires_at": head.expires_at,
            "campaign_id": head.campaign_id,
            "deliveries": [_describe_delivery(one) for one in deliveries],
        }


def _describe_delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "channel": delivery.key.channel,
        "status": shown_status(delivery.status),
        "reason": delivery.reason,
        "attempt": delivery.attempt,
        "provider_id": delivery.provider_id,
        "timeline": delivery.timeline,
    }
