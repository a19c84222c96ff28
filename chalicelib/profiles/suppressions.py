"""Addresses that must not be written to: a hard bounce, a complaint, too many soft bounces, somebody who unsubscribed
without an account, by hand, an import. `enrich` and `deliver` ask for a whole chunk at once.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from pynamodb.expressions.update import Action

from chalicelib.addresses import same_address_key
from chalicelib.clock import Clock, parse_rfc3339, rfc3339
from chalicelib.errors import NotFoundError
from chalicelib.storage.base import reaching_dynamodb, update_if
from chalicelib.storage.cursor import read_cursor, write_cursor
from chalicelib.storage.people import SuppressionRow

_KEPT = timedelta(days=365)  # how long an ended suppression's trace stays


class Reason(StrEnum):
    """Why an address is suppressed; a delivery that is not sent for it is `skipped(suppressed_<reason>)`."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    SOFT_BOUNCES = "soft_bounces"
    UNSUBSCRIBED = "unsubscribed"  # an opt-out, so that letters about the account still go
    STOP = "stop"  # answered to a text: no text at all goes to the number any more
    BY_HAND = "by_hand"
    IMPORT = "import"


class Suppression(NamedTuple):
    """One address as the list shows it."""

    channel: str
    address: str
    reason: str | None
    created_at: str | None
    until: str | None
    removed_at: str | None
    trace: Sequence[Mapping[str, Any]]


def suppression_key(channel: str, address: str) -> str:
    """One key however the address is written."""
    return f"{channel}#{same_address_key(channel, address)}"


class SuppressionList:
    """The suppressions of one stage."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def add(
        self, channel: str, address: str, *, reason: str, by: str = "service", until: datetime | None = None
    ) -> bool:
        """Suppresses an address, for good or `until` a moment; says whether that changed anything. What is suppressed
        for good keeps its first reason, except that an opt-out gives way to one that stops every letter. Raises:
        UnavailableError (retryable)."""
        at = self._clock()
        actions: list[Action] = [
            SuppressionRow.reason.set(reason),
            SuppressionRow.created_at.set(rfc3339(at)),
            SuppressionRow.listed_channel.set(channel),
            SuppressionRow.removed_at.remove(),
            self._noted("added", by, reason),
        ]
        if until is None:
            actions += [SuppressionRow.until_epoch.remove(), SuppressionRow.expires_at_epoch.remove()]
        else:
            actions += [
                SuppressionRow.until_epoch.set(int(until.timestamp())),
                SuppressionRow.expires_at_epoch.set(int((until + _KEPT).timestamp())),
            ]
        free = (
            SuppressionRow.reason.does_not_exist()
            | SuppressionRow.removed_at.exists()
            | (SuppressionRow.until_epoch <= int(at.timestamp()))
        )
        if until is None:
            free = free | SuppressionRow.until_epoch.exists()
        if reason != Reason.UNSUBSCRIBED:
            free = free | (SuppressionRow.reason == Reason.UNSUBSCRIBED.value)
        return self._update(channel, address, actions, free)

    def remove(self, channel: str, address: str, *, by: str) -> None:
        """Ends a suppression; who and when stays in its trace. Raises: NotFoundError (permanent: it is not suppressed),
        UnavailableError (retryable)."""
        at = self._clock()
        actions: list[Action] = [
            SuppressionRow.removed_at.set(rfc3339(at)),
            SuppressionRow.listed_channel.remove(),
            SuppressionRow.expires_at_epoch.set(int((at + _KEPT).timestamp())),
            self._noted("removed", by, None),
        ]
        there = SuppressionRow.reason.exists() & SuppressionRow.removed_at.does_not_exist()
        if not self._update(channel, address, actions, there):
            raise NotFoundError("this address is not suppressed")

    def soft_bounce(
        self, channel: str, address: str, *, notification_id: str, at: datetime, limit: int, within_days: int, days: int
    ) -> None:
        """Counts a soft bounce by one atomic write; `limit` of them within `within_days` suppress the address for
        `days`. Raises: UnavailableError (retryable; repeating it counts once)."""
        horizon = rfc3339(at - timedelta(days=within_days))
        row = SuppressionRow(f"soft#{suppression_key(channel, address)}")
        kept_until = int((at + timedelta(days=within_days)).timestamp())
        counted = SuppressionRow.bounces.add({f"{rfc3339(at)}#{notification_id}"})
        with reaching_dynamodb():
            row.update(actions=[counted, SuppressionRow.expires_at_epoch.set(kept_until)])
        recent = [one for one in row.bounces or () if one.partition("#")[0] > horizon]
        if len(recent) >= limit:
            self.add(channel, address, reason=Reason.SOFT_BOUNCES, until=at + timedelta(days=days))

    def get(self, channel: str, address: str) -> Suppression:
        """One address with its trace, suppressed now or once. Raises: NotFoundError (permanent), UnavailableError
        (retryable)."""
        with reaching_dynamodb():
            found = list(SuppressionRow.batch_get([suppression_key(channel, address)], consistent_read=True))
        if not found:
            raise NotFoundError("this address was never suppressed")
        return _shown(found[0])

    def reason_of(self, channel: str, address: str) -> str | None:
        """Why one address is suppressed now. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            found = list(SuppressionRow.batch_get([suppression_key(channel, address)], consistent_read=True))
        return next((row.reason for row in found if holds(row, self._clock())), None)

    def page(self, channel: str, *, limit: int, cursor: str | None) -> tuple[list[Suppression], str | None]:
        """A page of the suppressed addresses, newest first. Raises: InvalidError (permanent: not our cursor),
        UnavailableError (retryable)."""
        scope = f"suppressions:{channel}"
        start = read_cursor(cursor, scope=scope) if cursor else None
        with reaching_dynamodb():
            page = SuppressionRow.by_channel.query(
                channel, scan_index_forward=False, limit=limit, page_size=limit, last_evaluated_key=start
            )
            rows = [_shown(row) for row in page if holds(row, self._clock())]
        following = page.last_evaluated_key
        return rows, write_cursor(following, scope=scope) if following else None

    def erase(self, channel: str, address: str) -> None:
        """Forgets an address, its trace and its bounces. Raises: UnavailableError (retryable)."""
        key = suppression_key(channel, address)
        with reaching_dynamodb(), SuppressionRow.batch_write() as batch:
            for stored in (key, f"soft#{key}"):
                batch.delete(SuppressionRow(stored))

    def _noted(self, what: str, by: str, reason: str | None) -> Action:
        event = {"at": rfc3339(self._clock()), "what": what, "by": by, "reason": reason}
        told = json.dumps({name: value for name, value in event.items() if value is not None}, separators=(",", ":"))
        return SuppressionRow.trace.set((SuppressionRow.trace | []).append([told]))

    def _update(self, channel: str, address: str, actions: Sequence[Action], condition: Any) -> bool:
        return update_if(SuppressionRow(suppression_key(channel, address)), actions, condition)


def holds(row: SuppressionRow, at: datetime) -> bool:
    """Whether the address of this row is suppressed at a moment."""
    over = row.until_epoch is not None and row.until_epoch <= at.timestamp()
    return row.reason is not None and row.removed_at is None and not over


def _shown(row: SuppressionRow) -> Suppression:
    channel, _, address = row.address.partition("#")
    until = (
        datetime.fromtimestamp(int(row.until_epoch), tz=parse_rfc3339(row.created_at).tzinfo)
        if row.until_epoch
        else None
    )
    return Suppression(
        channel=channel,
        address=address,
        reason=row.reason,
        created_at=row.created_at,
        until=rfc3339(until) if until else None,
        removed_at=row.removed_at,
        trace=[json.loads(one) for one in row.trace],
    )
