"""Limits by what is written to: letters of a category per user and address within some days (the setting `caps`),
account letters of one template per address (`account_letters`), letters of any kind before an address is confirmed
(`unconfirmed_letters`), and one letter per address and run. `deliver` counts right before the claim, so that only
letters about to leave count (ADR 0019).

A row, of a user or of an address by its hash, holds the letters that count, by notification: a retry or another channel
counts once. Before an address is confirmed its mailbox is counted, ignoring what follows a `+`; an erasure forgets
which letters an address got, not how many, since whoever registers somebody's address could erase that user as often.
Rows are versioned, and a chunk's are written in one transaction: of two workers that both take the last place, one
finds out.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import size
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.clock import Clock
from chalicelib.configuration.setting_shapes import AddressLimit, Cap
from chalicelib.configuration.site_settings import SiteSettings
from chalicelib.errors import UnavailableError
from chalicelib.manifest import CHANNELS
from chalicelib.security.address_hash import AddressHashes
from chalicelib.storage.dynamodb import Reasons, dynamodb, find, reaching_dynamodb, transact, update_if
from chalicelib.storage.rows.people import CapRow

_ACCOUNT, _UNCONFIRMED = "account#", "unconfirmed#"  # prefix of the rows of windows
_ROUNDS = 8
_RUN_LASTS = timedelta(days=90)  # longer than any of its letters waits


class Refused(NamedTuple):
    """Who has had enough, by notification id, and the rule that says so."""

    notification_ids: frozenset[str] = frozenset()
    rule: str | None = None


class Counted(NamedTuple):
    """Whom a letter counts for: its user, if any, and its address."""

    user_id: str | None
    channel: str
    address: str


class Caps:
    """Counts letters against limits."""

    def __init__(self, *, site: SiteSettings, clock: Clock, addresses: AddressHashes) -> None:
        self._site = site
        self._addresses = addresses
        self._clock = clock

    def take(self, category: str, wanted: Mapping[str, Counted]) -> Refused:
        """Counts letters, given by notification id, as far as the cap allows; returns the others. Idempotent. Raises:
        UnavailableError (retryable)."""
        cap = self._site.current().caps.get(category)
        if cap is None or not wanted:
            return Refused()
        owners = {one: self._owners(counted) for one, counted in wanted.items()}
        for _ in range(_ROUNDS):
            rows = self._rows(category, owners)
            refused, changed = self._place(cap, category, owners, rows)
            if not changed or self._write(cap, changed):
                return Refused(frozenset(refused), f"cap {category}: {cap.letters} in {cap.days} days")
        raise UnavailableError("the caps were contended: nothing was counted")

    def take_account_letter(self, template: str, notification_id: str, counted: Counted) -> str | None:
        """Counts an account letter against its address, by one atomic write; returns the rule if there were enough of
        its template in the current window. Each template counts separately: no number of registrations keeps somebody
        from a new password. Raises: UnavailableError (retryable; repeating it counts once)."""
        limit = self._site.current().account_letters
        if self._take_in_window(f"{_ACCOUNT}{template}", limit, notification_id, self._address_owner(counted)):
            return None
        return f"account letters: {limit.letters} of {template} to an address in {limit.minutes} minutes"

    def take_unconfirmed(self, notification_id: str, counted: Counted) -> str | None:
        """The same for a letter of any template to an unconfirmed address, by its mailbox: whoever can name it can have
        letters sent there. Raises: UnavailableError (retryable; repeating it counts once)."""
        limit = self._site.current().unconfirmed_letters
        mailbox = None if _is_own(counted) else self._addresses.mailbox(counted.channel, counted.address)
        if self._take_in_window(_UNCONFIRMED, limit, notification_id, mailbox):
            return None
        return f"unconfirmed letters: {limit.letters} to an address in {limit.minutes} minutes"

    def _take_in_window(self, what: str, limit: AddressLimit, notification_id: str, owner: str | None) -> bool:
        if owner is None:
            return True
        length = timedelta(minutes=limit.minutes).total_seconds()
        began = int(self._clock().timestamp() // length * length)
        row, letters = CapRow(owner, f"{what}#{began}"), CapRow.letters
        actions: list[Action] = [
            letters.set((letters | []).append([notification_id])),
            CapRow.expires_at_epoch.set(int(began + 2 * length)),
        ]
        fits = letters.does_not_exist() | ((size(letters) < limit.letters) & ~letters.contains(notification_id))
        if update_if(row, actions, fits):
            return True
        known = find(CapRow, row.user_id, row.category)
        return known is not None and notification_id in (known.letters or ())

    def take_of_run(self, run_id: str, wanted: Mapping[str, Counted]) -> frozenset[str]:
        """Takes the addresses of a run's letters, given by notification id, at most fifty; returns those whose address
        another letter of the run has taken, on whatever page, shard or list row. One request, unless there are any.
        Idempotent. Raises: UnavailableError (retryable)."""
        left: dict[str, str] = {}
        others: set[str] = set()
        for notification_id, counted in wanted.items():
            owner = self._address_owner(counted)
            if owner is not None and left.setdefault(owner, notification_id) != notification_id:
                others.add(notification_id)
        for _ in range(_ROUNDS):
            reasons = self._put_addresses(run_id, left) if left else None
            if reasons is None:
                return frozenset(others)
            for (owner, notification_id), reason in zip(list(left.items()), reasons, strict=True):
                if reason is not None and reason.raw_item:
                    del left[owner]  # written: by a repetition of this, or by another letter
                    if reason.raw_item["letters"]["L"] != [{"S": notification_id}]:
                        others.add(notification_id)
        raise UnavailableError("the addresses of a run were contended: some were not taken")

    def _put_addresses(self, run_id: str, letters: Mapping[str, str]) -> Reasons | None:
        """All (owner → notification id) or none: then what stands against each."""
        expires = int((self._clock() + _RUN_LASTS).timestamp())
        row = CapRow("", f"run#{run_id}", letters=[], expires_at_epoch=expires)
        alike = row.get_save_kwargs_from_instance(
            condition=CapRow.user_id.does_not_exist(), return_values_on_condition_failure="ALL_OLD"
        )
        puts = [
            {**alike, "Item": {**alike["Item"], "user_id": {"S": owner}, "letters": {"L": [{"S": notification_id}]}}}
            for owner, notification_id in letters.items()
        ]
        return transact(puts=puts)

    def of(self, owner: str) -> Mapping[str, list[str]]:
        """The notifications that count for a user or an address, by category, template or run. Raises: UnavailableError
        (retryable)."""
        with reaching_dynamodb():
            rows = list(CapRow.query(owner, consistent_read=True))
            return {row.category: sorted([*row.taken, *(row.letters or ())]) for row in rows}

    def erase(self, owner: str) -> None:
        """Forgets what was counted for a user or an address; of the windows, which end by themselves, only which
        letters they were. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            rows = list(CapRow.query(owner))
            with CapRow.batch_write() as batch:
                for row in (one for one in rows if not one.category.startswith((_ACCOUNT, _UNCONFIRMED))):
                    batch.delete(row)
        for row in (one for one in rows if one.category.startswith((_ACCOUNT, _UNCONFIRMED))):
            update_if(row, [CapRow.letters.set([""] * len(row.letters or ()))], CapRow.letters.exists())

    def _owners(self, counted: Counted) -> list[str]:
        return [one for one in (counted.user_id, self._address_owner(counted)) if one]

    def _address_owner(self, counted: Counted) -> str | None:
        return None if _is_own(counted) else self._addresses.owner(counted.channel, counted.address)

    def _rows(self, category: str, wanted: Mapping[str, Sequence[str]]) -> dict[str, CapRow]:
        owners = sorted({owner for each in wanted.values() for owner in each})
        with reaching_dynamodb():
            found = CapRow.batch_get([(owner, category) for owner in owners], consistent_read=True)
            known = {row.user_id: row for row in found}
        return {owner: known.get(owner) or CapRow(owner, category, taken={}, version=0) for owner in owners}

    def _place(
        self, cap: Cap, category: str, wanted: Mapping[str, Sequence[str]], rows: Mapping[str, CapRow]
    ) -> tuple[set[str], list[CapRow]]:
        now = self._clock().timestamp()
        since = now - timedelta(days=cap.days).total_seconds()
        taken = {owner: {one: at for one, at in row.taken.items() if at > since} for owner, row in rows.items()}
        refused: set[str] = set()
        changed: set[str] = set()
        for notification_id, owners in wanted.items():
            new = [owner for owner in owners if notification_id not in taken[owner]]
            if any(len(taken[owner]) >= cap.letters for owner in new):
                refused.add(notification_id)
                continue
            for owner in new:
                taken[owner][notification_id] = round(now)
            changed |= set(new)
        kept = [CapRow(one, category, taken=taken[one], version=int(rows[one].version)) for one in sorted(changed)]
        return refused, kept

    def _write(self, cap: Cap, changed: list[CapRow]) -> bool:
        """False if somebody else has written one of them."""
        expires = int((self._clock() + timedelta(days=cap.days)).timestamp())
        with reaching_dynamodb():
            CapRow._get_connection()
            try:
                with TransactWrite(connection=dynamodb()) as transaction:
                    for row in changed:
                        new = row.version == 0
                        condition = CapRow.user_id.does_not_exist() if new else CapRow.version == row.version
                        row.version, row.expires_at_epoch = row.version + 1, expires
                        transaction.save(row, condition=condition)
                return True
            except TransactWriteError as error:
                if not error.cancellation_reasons:
                    raise
        return False


def _is_own(counted: Counted) -> bool:
    """For what a user has registered, devices and chats, only the user is counted."""
    return CHANNELS[counted.channel].endpoints or counted.address == counted.user_id
