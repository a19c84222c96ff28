"""What users and addresses have against being written to, for a whole chunk in one read: fifty users and their fifty
addresses are just what DynamoDB reads in one request. `pipeline/consent.py` asks.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib.profiles.model import Wishes
from chalicelib.profiles.suppressions import holds, suppression_key
from chalicelib.storage.base import batch_read, reaching_dynamodb
from chalicelib.storage.people import PreferencesRow, SuppressionRow


class Objections(NamedTuple):
    """`suppressed`: the reason by (channel, address as given)."""

    preferences: Wishes
    suppressed: Mapping[tuple[str, str], str]


def read_objections(
    *, user_ids: Collection[str], addresses: Collection[tuple[str, str]], at: datetime, consistent: bool = True
) -> Objections:
    """`addresses` are (channel, address). Raises: UnavailableError (retryable)."""
    keys = {one: suppression_key(*one) for one in addresses}
    wanted = {PreferencesRow: [(one,) for one in user_ids], SuppressionRow: [(key,) for key in set(keys.values())]}
    preferences: dict[str, Mapping[str, Any]] = {}
    reasons: dict[str, str] = {}
    with reaching_dynamodb():
        for model, item in batch_read(wanted, consistent=consistent):
            row = model.from_raw_data(item)
            if isinstance(row, PreferencesRow):
                preferences[row.user_id] = row.preferences
            elif isinstance(row, SuppressionRow) and holds(row, at) and row.reason is not None:
                reasons[row.address] = row.reason
    return Objections(preferences, {one: reasons[key] for one, key in keys.items() if key in reasons})
