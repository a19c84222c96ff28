"""What users and addresses have against being written to, for a whole chunk in one read: fifty users and their fifty
addresses are just what DynamoDB reads in one request. `pipeline/eligibility.py` asks.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib.profiles.address_rows import AddressRows
from chalicelib.profiles.model import Wishes
from chalicelib.profiles.opt_outs import Said
from chalicelib.profiles.suppressions import suppressed
from chalicelib.storage.dynamodb import batch_read, reaching_dynamodb
from chalicelib.storage.rows.people import PreferencesRow, SuppressionRow


class Standing(NamedTuple):
    """What is known of one address. `suppressed`: why nothing at all is sent to it; `gone`: erased users (by hash), or
    EVERYBODY: the address was erased by itself."""

    suppressed: str | None = None
    said: Said = Said()
    erased_at: str | None = None
    gone: Mapping[str, str] = {}


class Objections(NamedTuple):
    """`addresses`: by (channel, address as given), those of which anything is known."""

    preferences: Wishes
    addresses: Mapping[tuple[str, str], Standing]

    def of(self, channel: str, address: str) -> Standing:
        """What is known of one of the addresses."""
        return self.addresses.get((channel, address), _NOTHING)


_NOTHING = Standing()


def read_objections(
    rows: AddressRows,
    *,
    user_ids: Collection[str],
    addresses: Collection[tuple[str, str]],
    at: datetime,
    consistent: bool = True,
) -> Objections:
    """`addresses` are (channel, address). Raises: UnavailableError (retryable)."""
    keys = {one: rows.key(*one) for one in addresses}
    wanted = {PreferencesRow: [(one,) for one in user_ids], SuppressionRow: [(key,) for key in set(keys.values())]}
    preferences: dict[str, Mapping[str, Any]] = {}
    found: dict[str, Standing] = {}
    with reaching_dynamodb():
        for model, item in batch_read(wanted, consistent=consistent):
            row = model.from_raw_data(item)
            if isinstance(row, PreferencesRow):
                preferences[row.user_id] = row.preferences
            elif isinstance(row, SuppressionRow):
                found[row.address] = Standing(suppressed(row, at), Said.of(row.said), row.erased_at, row.gone or {})
    return Objections(preferences, {one: found[key] for one, key in keys.items() if key in found})
