"""How many letters each user and each address got: of a category, within a window of time, in a campaign's run.

A row, of a user or of an address by its hash, holds the letters that count, by notification: a retry or another channel
counts once. An erasure forgets which letters an address got, not how many, since whoever registers somebody's address
could erase that user as often. Rows are versioned, and a chunk's are written in one transaction: of two workers that
both take the last place, one finds out (ADR 0019).
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from pynamodb.expressions.condition import size
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.clock import Clock
from chalicelib.composed import Composed
from chalicelib.errors import UnavailableError
from chalicelib.storage.dynamodb import batch_read, reaching_dynamodb, transaction, update_if
from chalicelib.storage.inserts import insert_each
from chalicelib.storage.rows.people import CapRow
from chalicelib.storage.values import find

ACCOUNT, UNCONFIRMED = "account#", "unconfirmed#"  # what windows begin with; of the first the template follows
_ROUNDS = 8
_RUN_LASTS = timedelta(days=90)  # longer than any of its letters waits
_Rows = Mapping[str, CapRow]


def _of_run(run_id: str) -> str:
    return f"run#{run_id}"


class FrequencyCaps(Composed):
    """Counts letters. An owner is a user's id, or stands for an address."""

    clock: Clock

    def take(self, category: str, owners: Mapping[str, Sequence[str]], *, letters: int, days: int) -> frozenset[str]:
        """Counts letters for their owners, by notification id, as far as each owner's limit within its days allows;
        returns the others. Idempotent. Raises: UnavailableError (retryable)."""
        for _ in range(_ROUNDS):
            rows = self._rows(category, owners)
            refused, changed = self._place(owners, rows, letters, days)
            if not changed or self._write(changed, days):
                return frozenset(refused)
        raise UnavailableError("the caps were contended: nothing was counted")

    def take_in_window(self, what: str, owner: str, notification_id: str, *, letters: int, minutes: int) -> bool:
        """Counts a letter for an owner by one atomic write; False if the current window is full. Raises:
        UnavailableError (retryable; repeating it counts once)."""
        length = timedelta(minutes=minutes).total_seconds()
        began = int(self.clock().timestamp() // length * length)
        row, counted = CapRow(owner, f"{what}#{began}"), CapRow.letters
        actions: list[Action] = [
            counted.set((counted | []).append([notification_id])),
            CapRow.expires_at_epoch.set(int(began + 2 * length)),
        ]
        fits = counted.does_not_exist() | ((size(counted) < letters) & ~counted.contains(notification_id))
        if update_if(row, actions, fits):
            return True
        known = find(CapRow, row.user_id, row.category)
        return known is not None and notification_id in (known.letters or ())

    def take_of_run(self, run_id: str, owners: Mapping[str, str]) -> frozenset[str]:
        """Takes the addresses of a run's letters, by notification id; returns those whose address another letter of the
        run has taken. Idempotent. Raises: UnavailableError (retryable: some may be taken)."""
        first: dict[str, str] = {}  # owner → notification id
        for notification_id, owner in owners.items():
            first.setdefault(owner, notification_id)
        inserted = insert_each(CapRow, self._addresses(run_id, first))
        there = [owner for owner, new in zip(first, inserted, strict=True) if not new]
        holders = {owner: [{"S": one}] for owner, one in first.items()} | self._holders(run_id, there)
        return frozenset(one for one, owner in owners.items() if holders[owner] != [{"S": one}])

    def of(self, owner: str) -> Mapping[str, list[str]]:
        """The notifications that count for a user or an address, by category, template or run; and since when somebody
        is the first user there. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            rows = list(CapRow.query(owner, consistent_read=True))
            return {
                row.category: sorted([*row.taken, *(row.letters or ()), *filter(None, [row.since])]) for row in rows
            }

    def erase(self, owner: str) -> None:
        """Forgets what was counted for a user or an address; of the windows, which end by themselves, only which
        letters they were. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            rows = list(CapRow.query(owner))
            with CapRow.batch_write() as batch:
                for row in (one for one in rows if not one.category.startswith((ACCOUNT, UNCONFIRMED))):
                    batch.delete(row)
        for row in (one for one in rows if one.category.startswith((ACCOUNT, UNCONFIRMED))):
            update_if(row, [CapRow.letters.set([""] * len(row.letters or ()))], CapRow.letters.exists())

    def _addresses(self, run_id: str, letters: Mapping[str, str]) -> list[dict[str, Any]]:
        """Raw items, of owner → notification id."""
        expires = int((self.clock() + _RUN_LASTS).timestamp())
        row = CapRow("", _of_run(run_id), letters=[], expires_at_epoch=expires)
        alike = row.get_save_kwargs_from_instance()["Item"]
        return [{**alike, "user_id": {"S": owner}, "letters": {"L": [{"S": one}]}} for owner, one in letters.items()]

    def _holders(self, run_id: str, owners: Sequence[str]) -> dict[str, list[dict[str, str]]]:
        """The raw letters of the run's rows that are there."""
        with reaching_dynamodb():
            rows = batch_read({CapRow: [(owner, _of_run(run_id)) for owner in owners]})
            found = {row["user_id"]["S"]: row["letters"]["L"] for _, row in rows}
        if len(found) < len(owners):
            raise UnavailableError("an address of a run was erased meanwhile")
        return found

    def _rows(self, category: str, wanted: Mapping[str, Sequence[str]]) -> _Rows:
        owners = sorted({owner for each in wanted.values() for owner in each})
        with reaching_dynamodb():
            found = CapRow.batch_get([(owner, category) for owner in owners], consistent_read=True)
            known = {row.user_id: row for row in found}
        return {owner: known.get(owner) or CapRow(owner, category, taken={}, version=0) for owner in owners}

    def _place(
        self, wanted: Mapping[str, Sequence[str]], rows: _Rows, letters: int, days: int
    ) -> tuple[set[str], list[CapRow]]:
        now = self.clock().timestamp()
        since = now - timedelta(days=days).total_seconds()
        taken = {owner: {one: at for one, at in row.taken.items() if at > since} for owner, row in rows.items()}
        refused: set[str] = set()
        changed: set[str] = set()
        for notification_id, owners in wanted.items():
            new = [owner for owner in owners if notification_id not in taken[owner]]
            if any(len(taken[owner]) >= letters for owner in new):
                refused.add(notification_id)
                continue
            for owner in new:
                taken[owner][notification_id] = round(now)
            changed |= set(new)
        kept = [CapRow(one, rows[one].category, taken=taken[one], version=int(rows[one].version)) for one in changed]
        return refused, sorted(kept, key=lambda row: str(row.user_id))

    def _write(self, changed: list[CapRow], days: int) -> bool:
        """False if somebody else has written one of them."""
        expires = int((self.clock() + timedelta(days=days)).timestamp())

        def write(writes: TransactWrite) -> None:
            for row in changed:
                # A damaged row may have none: it is written over.
                unchanged: Any = CapRow.version == row.version if row.version else CapRow.version.does_not_exist()
                row.version, row.expires_at_epoch = row.version + 1, expires
                writes.save(row, condition=unchanged)

        return transaction(write)
