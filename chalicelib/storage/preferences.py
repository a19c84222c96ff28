"""What users want, as JSON, and when they said it. Each function raises UnavailableError (retryable)."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from chalicelib.storage.dynamodb import reaching_dynamodb, save_if
from chalicelib.storage.rows.people import PreferencesRow
from chalicelib.storage.values import find, value_of


class StoredPreferences(NamedTuple):
    """`words`: when each switch was last turned."""

    preferences: Mapping[str, Any]
    words: Mapping[str, Any]
    updated_at: str


def find_preferences(user_id: str) -> StoredPreferences | None:
    """As they are now."""
    row = find(PreferencesRow, user_id)
    return None if row is None else value_of(StoredPreferences, row)


def preferences_of(user_ids: Collection[str]) -> dict[str, StoredPreferences]:
    """Of those who have set any."""
    with reaching_dynamodb():
        rows = PreferencesRow.batch_get(list(user_ids), consistent_read=True) if user_ids else ()
        return {row.user_id: value_of(StoredPreferences, row) for row in rows}


def save_preferences(user_id: str, stored: StoredPreferences, *, after: StoredPreferences | None) -> bool:
    """False if they are not as they were `after`."""
    at = PreferencesRow.updated_at
    unchanged = PreferencesRow.user_id.does_not_exist() if after is None else at == after.updated_at
    return save_if(PreferencesRow(user_id, **stored._asdict()), unchanged)


def delete_preferences(user_id: str) -> None:
    with reaching_dynamodb():
        PreferencesRow(user_id).delete()
