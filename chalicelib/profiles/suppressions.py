"""Addresses that must not be written to: a hard bounce, a complaint, too many soft bounces, by hand, an import. They
are stored under a keyed hash and outlive the erasure of the address."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from chalicelib.clock import Clock, rfc3339
from chalicelib.errors import NotFoundError, Phrase
from chalicelib.etags import Seen
from chalicelib.profiles.opt_outs import EVERYBODY, OptOuts
from chalicelib.reasons import SuppressionReason
from chalicelib.security.signing import AddressHashes
from chalicelib.storage.addresses import (
    AddressRecord,
    change_address,
    count_soft_bounce,
    find_address,
    forget_soft_bounces,
    page_of_addresses,
)

_KEPT = timedelta(days=365)  # how long an ended suppression's trace stays


class Suppression(NamedTuple):
    """One address as the list shows it; `address` is None after an erasure."""

    channel: str
    address: str | None
    hash: str
    reason: str | None
    created_at: str | None
    until: str | None
    removed_at: str | None
    trace: Sequence[Mapping[str, Any]]


def fields_of(shown: Suppression) -> dict[str, Any]:
    """What somebody has seen of a suppression."""
    return {
        "reason": shown.reason,
        "created_at": shown.created_at,
        "until": shown.until,
        "removed_at": shown.removed_at,
    }


class SuppressionList:
    """The list of suppressed addresses. Each method raises UnavailableError (retryable)."""

    def __init__(self, *, hashes: AddressHashes, clock: Clock) -> None:
        self._key = hashes.key
        self._clock = clock

    def add(
        self,
        channel: str,
        address: str,
        *,
        reason: str,
        by: str = "service",
        until: datetime | None = None,
        told_of: datetime | None = None,
    ) -> bool:
        """Suppresses an address, for good or `until` a time; returns whether that changed anything. An address
        suppressed for good keeps its first reason, except that a complaint is always recorded, as events come in any
        order. An event is `told_of` its own time: repeated, it does not undo a later removal."""
        at = self._clock()

        def added(one: AddressRecord) -> AddressRecord | None:
            if told_of is not None and one.reason == reason and rfc3339(told_of) <= (one.removed_at or ""):
                return None
            known = one.suppressed(at)
            for_good = until is None and one.until_epoch is not None
            if known is not None and not for_good and not (reason == SuppressionReason.COMPLAINT != known):
                return None
            until_epoch = int(until.timestamp()) if until else None
            now = one._replace(reason=reason, created_at=rfc3339(at), removed_at=None, until_epoch=until_epoch)
            return _aged(now.listed(channel, address).noted("added", by=by, reason=reason, at=at), until)

        return change_address(self._key(channel, address), added)

    def remove(self, channel: str, address: str, *, by: str, seen: Seen | None = None) -> None:
        """Ends a suppression and records who and when; idempotent. If the mailbox has unsubscribed too, that stays
        until it is removed in turn. Raises: NotFoundError (permanent: it was never suppressed), ChangedError
        (permanent: it is not what was `seen`)."""
        at = self._clock()

        def removed(one: AddressRecord) -> AddressRecord | None:
            said, stands = OptOuts.of(one.said), one.reason is not None and one.removed_at is None
            unsubscribed = said.unsubscribed() is not None
            if one.removed_at is not None and not unsubscribed:
                return None
            if seen is not None:
                seen.require(fields_of(_shown(one)) if one.reason or one.said else None, what=Phrase("the suppression"))
            if not stands and not unsubscribed:
                return None
            if not stands:
                said, unsubscribed = said.forgiven(), False
                one = one._replace(said=said.stored())
            listed = one.listed_channel if unsubscribed else None
            now = one._replace(removed_at=rfc3339(at), listed_channel=listed)
            return _aged(now.noted("removed", by=by, reason=None, at=at), at)

        if not change_address(self._key(channel, address), removed) and self.get(channel, address).removed_at is None:
            raise NotFoundError(Phrase("this address is not suppressed"))

    def soft_bounce(
        self, channel: str, address: str, *, notification_id: str, at: datetime, limit: int, within_days: int, days: int
    ) -> None:
        """Counts a soft bounce; `limit` of them within `within_days` suppress the address for `days`. Repeating it
        counts once."""
        window, key = timedelta(days=within_days), self._key(channel, address)
        moments = count_soft_bounce(key, notification_id=notification_id, at=at, kept_until=at + window)
        if sum(one > rfc3339(at - window) for one in moments) >= limit:
            self.add(
                channel, address, reason=SuppressionReason.SOFT_BOUNCES, until=at + timedelta(days=days), told_of=at
            )

    def get(self, channel: str, address: str) -> Suppression:
        """One address with its history, suppressed now or in the past. Raises: NotFoundError (permanent)."""
        found = find_address(self._key(channel, address))
        if found is None or not (found.reason or OptOuts.of(found.said).unsubscribed() or found.removed_at):
            raise NotFoundError(Phrase("this address was never suppressed"))
        return _shown(found)

    def reason_of(self, channel: str, address: str) -> str | None:
        """Why one address is suppressed now."""
        found = find_address(self._key(channel, address))
        return found.suppressed(self._clock()) if found else None

    def page(self, channel: str, *, limit: int, cursor: str | None) -> tuple[list[Suppression], str | None]:
        """Suppressed addresses, newest first, and the next cursor. Raises: InvalidError (permanent: a foreign
        cursor)."""
        at = self._clock()
        found, following = page_of_addresses(channel, limit=limit, cursor=cursor)
        return [_shown(one) for one in found if one.suppressed(at) or OptOuts.of(one.said).unsubscribed()], following

    def erase(self, channel: str, address: str, *, with_user: bool = False) -> None:
        """Deletes an address and its soft bounces. Its suppression stays, by hash, with reason and date; letters
        accepted for it before now are not sent, unless they were looked up for users who are not erased with it: others
        may share the address."""
        at = self._clock()

        def erased(one: AddressRecord) -> AddressRecord:
            gone = one.gone if with_user else {**(one.gone or {}), EVERYBODY: rfc3339(at)}
            now = one._replace(shown=None, erased_at=rfc3339(at), gone=gone)
            return _aged(now, at) if one.reason is None else now  # then nothing but the moment is kept

        key = self._key(channel, address)
        change_address(key, erased)
        forget_soft_bounces(key)


def _aged(one: AddressRecord, ends: datetime | None) -> AddressRecord:
    """The history of what has ended expires after a year; opt-outs never do."""
    return one._replace(expires_at_epoch=int((ends + _KEPT).timestamp()) if ends and one.said is None else None)


def _shown(one: AddressRecord) -> Suppression:
    channel, _, hashed = one.address.partition("#")
    until = datetime.fromtimestamp(one.until_epoch, tz=UTC) if one.until_epoch else None
    ended = one.reason is None or one.removed_at is not None
    unsubscribed = OptOuts.of(one.said).unsubscribed() if ended else None
    return Suppression(
        channel=channel,
        address=one.shown,
        hash=hashed,
        reason=SuppressionReason.UNSUBSCRIBED if unsubscribed else one.reason,
        created_at=unsubscribed or one.created_at,
        until=rfc3339(until) if until else None,
        removed_at=None if unsubscribed else one.removed_at,
        trace=[json.loads(event) for event in one.trace],
    )
