"""Which user of the directory is the only one with an address, and since when: they alone need no row that keeps an
address to one letter of a campaign's run (ADR 0098).

A row belongs to the first who came to the address, as long as nobody else comes and they do not leave: then it ends,
and expires once no run that began before can still go on. Whoever comes next is the first again.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from chalicelib.clock import Clock, parse_rfc3339, rfc3339
from chalicelib.composed import Composed
from chalicelib.storage.dynamodb import batch_read, delete_if, reaching_dynamodb, update_if
from chalicelib.storage.inserts import insert_each
from chalicelib.storage.rows.people import CapRow

_SOLE = "sole"  # where a cap's row names the category
_RUN_LASTS = timedelta(days=90)  # longer than any of its letters waits
_WRITTEN_WITHIN = timedelta(minutes=1)  # of the time that a row names, by any clock


class SoleUser(NamedTuple):
    """The first user who came to an address, and from when until when they were the only one (RFC 3339)."""

    user_id: str
    since: str
    until: str | None = None

    def is_alone(self, run_at: datetime) -> bool:
        """Whether nobody else can have had the address since before a run was drawn up."""
        return self.until is None and parse_rfc3339(self.since) < run_at

    def was_alone(self, run_at: datetime) -> bool:
        """Whether a worker may have found them alone in a run that was drawn up then."""
        ended = self.until is not None and parse_rfc3339(self.until) + _WRITTEN_WITHIN < run_at
        return parse_rfc3339(self.since) < run_at and not ended


Coming = tuple[str, str]  # the owner of an address (`addresses.owner_of`), and a user


class SoleUsers(Composed):
    """Each method raises UnavailableError (retryable)."""

    clock: Clock

    def of(self, owners: Collection[str]) -> dict[str, SoleUser]:
        """By owner of an address, as of now; a hundred per request."""
        keys = [(owner, _SOLE) for owner in sorted(set(owners))]
        with reaching_dynamodb():
            items = [item for _, item in batch_read({CapRow: keys})] if keys else []
        return {
            item["user_id"]["S"]: SoleUser(item["sole_user"]["S"], item["since"]["S"], item.get("until", {}).get("S"))
            for item in items
        }

    def come(self, coming: Sequence[Coming]) -> None:
        """Notes users who are about to have an address; where others have it, those are no longer alone."""
        at = rfc3339(self.clock())
        rows = [CapRow(owner, _SOLE, sole_user=user_id, since=at) for owner, user_id in coming]
        inserted = insert_each(CapRow, [row.get_save_kwargs_from_instance()["Item"] for row in rows])
        late = [one for one, new in zip(coming, inserted, strict=True) if not new]
        first = self.of([owner for owner, _ in late])
        for owner, user_id in late:
            known = first.get(owner)
            if known is not None and known.user_id != user_id and known.until is None:
                self.end(owner, known.user_id)

    def leave(self, leaving: Sequence[Coming]) -> None:
        """Notes users who are about to have another address than this."""
        first = self.of([owner for owner, _ in leaving])
        for owner, user_id in leaving:
            known = first.get(owner)
            if known is not None and known.user_id == user_id and known.until is None:
                self.end(owner, user_id)

    def end(self, owner: str, user_id: str) -> None:
        """From now on the user is not alone there; the first time counts."""
        now = self.clock()
        ended = [CapRow.until.set(rfc3339(now)), CapRow.expires_at_epoch.set(int((now + _RUN_LASTS).timestamp()))]
        update_if(CapRow(owner, _SOLE), ended, (CapRow.sole_user == user_id) & CapRow.until.does_not_exist())

    def forget(self, owner: str, user_id: str) -> None:
        """Removes what is known of a user at an address."""
        delete_if(CapRow(owner, _SOLE), CapRow.sole_user == user_id)
