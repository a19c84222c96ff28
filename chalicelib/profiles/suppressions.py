"""Addresses that must not be written to: a hard bounce, a complaint, too many soft bounces, by hand, an import. They
are kept by a keyed hash and outlive the erasure of the address. `enrich` and `deliver` ask for a whole chunk at once.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from chalicelib.clock import Clock, rfc3339
from chalicelib.errors import NotFoundError, Phrase
from chalicelib.etags import Seen
from chalicelib.profiles.address_rows import AddressRows, show
from chalicelib.profiles.opt_outs import Said
from chalicelib.reasons import SuppressionReason
from chalicelib.storage.cursor import read_cursor, write_cursor
from chalicelib.storage.dynamodb import reaching_dynamodb
from chalicelib.storage.rows.people import SuppressionRow

EVERYBODY = ""  # in `gone`: the address was erased by itself, not with a user
_MAX_TRACE = 100  # the newest entries
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
    """The suppressions of one stage."""

    def __init__(self, *, rows: AddressRows, clock: Clock) -> None:
        self._rows = rows
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
        """Suppresses an address, for good or `until` a moment; says whether that changed anything. What is suppressed
        for good keeps its first reason, but a complaint is told in any case: events come in any order. An event is
        `told_of` its own moment: told again, it takes back no removal that came after it. Raises: UnavailableError
        (retryable)."""
        at = self._clock()

        def added(row: SuppressionRow) -> bool:
            if told_of is not None and row.reason == reason and rfc3339(told_of) <= (row.removed_at or ""):
                return False
            known = suppressed(row, at)
            for_good = until is None and row.until_epoch is not None
            if known is not None and not for_good and not (reason == SuppressionReason.COMPLAINT != known):
                return False
            row.reason, row.created_at, row.removed_at = reason, rfc3339(at), None
            row.until_epoch = int(until.timestamp()) if until else None
            show(row, channel, address)
            note(row, "added", by, reason, at)
            _age(row, until)
            return True

        return self._rows.change(channel, address, added)

    def remove(self, channel: str, address: str, *, by: str, seen: Seen | None = None) -> None:
        """Ends a suppression; who and when stays in its trace; one that was ended stays so. Where the mailbox has
        unsubscribed too, that stands until it is removed in its turn. Raises: NotFoundError (permanent: it was never
        suppressed), ChangedError (permanent: it is not what was `seen`), UnavailableError (retryable)."""
        at = self._clock()

        def removed(row: SuppressionRow) -> bool:
            said, stands = Said.of(row.said), row.reason is not None and row.removed_at is None
            if row.removed_at is not None and said.unsubscribed() is None:
                return False  # whoever asks for what has happened has it
            if seen is not None:
                seen.require(fields_of(_shown(row)) if row.reason or row.said else None, what=Phrase("the suppression"))
            if stands:
                row.removed_at = rfc3339(at)
            elif said.unsubscribed() is not None:
                said = said.forgiven()
                row.said, row.removed_at = said.stored(), rfc3339(at)
            else:
                return False
            if said.unsubscribed() is None:
                row.listed_channel = None
            note(row, "removed", by, None, at)
            _age(row, at)
            return True

        if not self._rows.change(channel, address, removed) and self.get(channel, address).removed_at is None:
            raise NotFoundError(Phrase("this address is not suppressed"))

    def soft_bounce(
        self, channel: str, address: str, *, notification_id: str, at: datetime, limit: int, within_days: int, days: int
    ) -> None:
        """Counts a soft bounce by one atomic write; `limit` of them within `within_days` suppress the address for
        `days`. Raises: UnavailableError (retryable; repeating it counts once)."""
        horizon = rfc3339(at - timedelta(days=within_days))
        row = SuppressionRow(f"soft#{self._rows.key(channel, address)}")
        kept_until = int((at + timedelta(days=within_days)).timestamp())
        counted = SuppressionRow.bounces.add({f"{rfc3339(at)}#{notification_id}"})
        with reaching_dynamodb():
            row.update(actions=[counted, SuppressionRow.expires_at_epoch.set(kept_until)])
        recent = [one for one in row.bounces or () if one.partition("#")[0] > horizon]
        if len(recent) >= limit:
            self.add(
                channel, address, reason=SuppressionReason.SOFT_BOUNCES, until=at + timedelta(days=days), told_of=at
            )

    def get(self, channel: str, address: str) -> Suppression:
        """One address with its trace, suppressed now or once. Raises: NotFoundError (permanent), UnavailableError
        (retryable)."""
        row = self._rows.read(channel, address)
        if row is None or not (row.reason or Said.of(row.said).unsubscribed() or row.removed_at):
            raise NotFoundError(Phrase("this address was never suppressed"))
        return _shown(row)

    def reason_of(self, channel: str, address: str) -> str | None:
        """Why one address is suppressed now. Raises: UnavailableError (retryable)."""
        row = self._rows.read(channel, address)
        return suppressed(row, self._clock()) if row else None

    def page(self, channel: str, *, limit: int, cursor: str | None) -> tuple[list[Suppression], str | None]:
        """A page of the suppressed addresses, newest first. Raises: InvalidError (permanent: not our cursor),
        UnavailableError (retryable)."""
        scope = f"suppressions:{channel}"
        start = read_cursor(cursor, scope=scope) if cursor else None
        with reaching_dynamodb():
            page = SuppressionRow.by_channel.query(
                channel, scan_index_forward=False, limit=limit, page_size=limit, last_evaluated_key=start
            )
            at = self._clock()
            rows = [_shown(row) for row in page if suppressed(row, at) or Said.of(row.said).unsubscribed()]
        following = page.last_evaluated_key
        return rows, write_cursor(following, scope=scope) if following else None

    def erase(self, channel: str, address: str, *, with_user: bool = False) -> None:
        """Forgets an address and its soft bounces. What stands against it stays, by its hash, with reason and date;
        what was accepted for it before now is not sent, nor what was looked up for users, unless one of them is erased
        with it: others may share it. Raises: UnavailableError (retryable)."""
        at = self._clock()

        def erased(row: SuppressionRow) -> bool:
            row.shown, row.erased_at = None, rfc3339(at)
            if not with_user:
                row.gone = {**(row.gone or {}), EVERYBODY: rfc3339(at)}
            if row.reason is None:
                _age(row, at)  # then nothing but the moment is kept
            return True

        self._rows.change(channel, address, erased)
        with reaching_dynamodb():
            SuppressionRow(f"soft#{self._rows.key(channel, address)}").delete()


def suppressed(row: SuppressionRow, at: datetime) -> str | None:
    """Why the address of this row is suppressed at a moment; None: it is not."""
    over = row.until_epoch is not None and row.until_epoch <= at.timestamp()
    return None if over or row.removed_at is not None else row.reason


def note(row: SuppressionRow, what: str, by: str, reason: str | None, at: datetime) -> None:
    """Writes into the row's trace who did what, and when."""
    event = {"at": rfc3339(at), "what": what, "by": by, "reason": reason}
    told = json.dumps({name: value for name, value in event.items() if value is not None}, separators=(",", ":"))
    row.trace = [*row.trace, told][-_MAX_TRACE:]


def _age(row: SuppressionRow, ends: datetime | None) -> None:
    """The trace of what has ended goes after a year; what was said of an address never does."""
    row.expires_at_epoch = int((ends + _KEPT).timestamp()) if ends and row.said is None else None


def _shown(row: SuppressionRow) -> Suppression:
    channel, _, hashed = row.address.partition("#")
    until = datetime.fromtimestamp(int(row.until_epoch), tz=UTC) if row.until_epoch else None
    ended = row.reason is None or row.removed_at is not None
    unsubscribed = Said.of(row.said).unsubscribed() if ended else None
    return Suppression(
        channel=channel,
        address=row.shown,
        hash=hashed,
        reason=SuppressionReason.UNSUBSCRIBED if unsubscribed else row.reason,
        created_at=unsubscribed or row.created_at,
        until=rfc3339(until) if until else None,
        removed_at=None if unsubscribed else row.removed_at,
        trace=[json.loads(one) for one in row.trace],
    )
