"""How many letters of a category one user gets in some days (the setting `caps`). `deliver` asks right before it
claims, so that only what is really about to leave is counted.

A user's row holds the letters that count, by notification: one that is asked for again (a retry, another channel)
counts once. Rows are written under their version, all of a chunk in one transaction: of two workers that both take the
last place, one finds out.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from chalicelib.clock import Clock
from chalicelib.control.routes import Cap
from chalicelib.control.site_settings import SiteSettings
from chalicelib.errors import UnavailableError
from chalicelib.storage.base import dynamodb, reaching_dynamodb
from chalicelib.storage.people import CapRow

CAPPED = "capped"
_ROUNDS = 8


class Refused(NamedTuple):
    """Who has had enough, by notification id, and the rule that says so."""

    notification_ids: frozenset[str] = frozenset()
    rule: str | None = None


class Caps:
    """The caps of one stage."""

    def __init__(self, *, site: SiteSettings, clock: Clock) -> None:
        self._site = site
        self._clock = clock

    def take(self, category: str, wanted: Mapping[str, str]) -> Refused:
        """Counts letters, given by notification id with the user of each, as far as the cap lets it; answers the
        others. Repeating it counts nothing twice. Raises: UnavailableError (retryable)."""
        cap = self._site.current().caps.get(category)
        if cap is None or not wanted:
            return Refused()
        for _ in range(_ROUNDS):
            rows = self._rows(category, wanted)
            refused, changed = self._place(cap, category, wanted, rows)
            if not changed or self._write(cap, changed):
                return Refused(frozenset(refused), f"cap {category}: {cap.letters} in {cap.days} days")
        raise UnavailableError("the caps were contended: nothing was counted")

    def of(self, user_id: str) -> Mapping[str, list[str]]:
        """The notifications that count, by category. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            return {row.category: sorted(row.taken) for row in CapRow.query(user_id, consistent_read=True)}

    def erase(self, user_id: str) -> None:
        """Forgets what was counted of a user. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            rows = list(CapRow.query(user_id))
            with CapRow.batch_write() as batch:
                for row in rows:
                    batch.delete(row)

    def _rows(self, category: str, wanted: Mapping[str, str]) -> dict[str, CapRow]:
        users = sorted(set(wanted.values()))
        with reaching_dynamodb():
            found = CapRow.batch_get([(user, category) for user in users], consistent_read=True)
            known = {row.user_id: row for row in found}
        return {user: known.get(user) or CapRow(user, category, taken={}, version=0) for user in users}

    def _place(
        self, cap: Cap, category: str, wanted: Mapping[str, str], rows: Mapping[str, CapRow]
    ) -> tuple[set[str], list[CapRow]]:
        now = self._clock().timestamp()
        since = now - timedelta(days=cap.days).total_seconds()
        refused: set[str] = set()
        changed: dict[str, CapRow] = {}
        for notification_id, user in wanted.items():
            row = changed.get(user, rows[user])
            taken = {one: at for one, at in row.taken.items() if at > since}
            if notification_id in taken:
                continue
            if len(taken) >= cap.letters:
                refused.add(notification_id)
                continue
            taken[notification_id] = round(now)
            changed[user] = CapRow(user, category, taken=taken, version=int(rows[user].version))
        return refused, list(changed.values())

    def _write(self, cap: Cap, changed: list[CapRow]) -> bool:
        """False where somebody else has written one of them."""
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
