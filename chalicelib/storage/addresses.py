"""Addresses by their keyed hash: suppressions, opt-outs, erasures, soft bounces. They outlive the erasure of the
address itself. Each function raises UnavailableError (retryable)."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib.addresses import same_address_key
from chalicelib.clock import rfc3339
from chalicelib.errors import UnavailableError
from chalicelib.storage.cursor import read_cursor, write_cursor
from chalicelib.storage.dynamodb import reaching_dynamodb, save_if
from chalicelib.storage.rows.people import SuppressionRow
from chalicelib.storage.values import find, value_of

_CHANGE_TRIES = 8
_MAX_TRACE = 100  # the newest entries


class AddressRecord(NamedTuple):
    """`address` is the key, `<channel>#<keyed hash>`; `shown` is the address itself, as long as it may be stored.
    `listed_channel`: the list of suppressions that it is in. `removed_at` ends a suppression; `trace` holds each
    addition and removal as JSON, oldest first; `said` is a stored `profiles.opt_outs.Said`. Nothing is sent that was
    accepted for the address before `erased_at`, or for an erased user (by hash) before the time in `gone`, or was
    looked up for any user before `gone[""]`."""

    address: str
    listed_channel: str | None = None
    shown: str | None = None
    reason: str | None = None
    created_at: str | None = None
    removed_at: str | None = None
    erased_at: str | None = None
    gone: Mapping[str, str] | None = None
    said: Mapping[str, Any] | None = None
    trace: Sequence[str] = ()
    until_epoch: int | None = None
    expires_at_epoch: int | None = None
    version: int = 0

    def suppressed(self, at: datetime) -> str | None:
        """Why the address is suppressed at a moment; None if it is not."""
        over = self.until_epoch is not None and self.until_epoch <= at.timestamp()
        return None if over or self.removed_at is not None else self.reason

    def listed(self, channel: str, address: str) -> "AddressRecord":
        """In the list of a channel, with the address itself unless it was erased."""
        shown = same_address_key(channel, address) if self.erased_at is None else self.shown
        return self._replace(listed_channel=channel, shown=shown)

    def noted(self, what: str, *, by: str, reason: str | None, at: datetime) -> "AddressRecord":
        """With who did what, and when, in its history."""
        event = {"at": rfc3339(at), "what": what, "by": by, "reason": reason}
        told = json.dumps({name: value for name, value in event.items() if value is not None}, separators=(",", ":"))
        return self._replace(trace=[*self.trace, told][-_MAX_TRACE:])


Change = Callable[[AddressRecord], AddressRecord | None]


def find_address(key: str) -> AddressRecord | None:
    """As it is now."""
    row = find(SuppressionRow, key)
    return None if row is None else value_of(AddressRecord, row)


def change_address(key: str, change: Change) -> bool:
    """Applies `change` to the current record, or to a new one, so that two simultaneous changes are both kept; False,
    with nothing written, if `change` returns None."""
    for _ in range(_CHANGE_TRIES):
        before = find_address(key)
        changed = change(before or AddressRecord(key))
        if changed is None:
            return False
        version = SuppressionRow.version
        unchanged = version == before.version if before else SuppressionRow.address.does_not_exist()
        if save_if(_row(changed._replace(version=changed.version + 1)), unchanged):
            return True
    raise UnavailableError("others kept changing what is known of this address")


def page_of_addresses(channel: str, *, limit: int, cursor: str | None) -> tuple[list[AddressRecord], str | None]:
    """The listed addresses of a channel, newest first, and the next cursor. Raises: InvalidError (permanent: a foreign
    cursor)."""
    scope = f"suppressions:{channel}"
    start = read_cursor(cursor, scope=scope) if cursor else None
    with reaching_dynamodb():
        page = SuppressionRow.by_channel.query(
            channel, scan_index_forward=False, limit=limit, page_size=limit, last_evaluated_key=start
        )
        records = [value_of(AddressRecord, row) for row in page]
    following = page.last_evaluated_key
    return records, write_cursor(following, scope=scope) if following else None


def count_soft_bounce(key: str, *, notification_id: str, at: datetime, kept_until: datetime) -> list[str]:
    """Counts a bounce once, however often it is reported; returns the times of all that count."""
    row = SuppressionRow(f"soft#{key}")
    counted = SuppressionRow.bounces.add({f"{rfc3339(at)}#{notification_id}"})
    with reaching_dynamodb():
        row.update(actions=[counted, SuppressionRow.expires_at_epoch.set(int(kept_until.timestamp()))])
    return [one.partition("#")[0] for one in row.bounces or ()]


def forget_soft_bounces(key: str) -> None:
    with reaching_dynamodb():
        SuppressionRow(f"soft#{key}").delete()


def _row(record: AddressRecord) -> SuppressionRow:
    columns = record._asdict()
    return SuppressionRow(**columns | {"trace": list(record.trace)})
