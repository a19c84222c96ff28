"""The user's own say: what they get, on which channel, and when not. `enrich` and `deliver` ask, the API writes."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from chalicelib.clock import parse_rfc3339
from chalicelib.storage.base import reaching_dynamodb
from chalicelib.storage.people import PreferencesRow


class PreferenceStore:
    """Preferences of one stage; a user without a row wants everything."""

    def get_many(self, user_ids: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
        """The preferences of those who have set any. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            rows = PreferencesRow.batch_get(list(user_ids), consistent_read=True)
            return {row.user_id: row.preferences for row in rows}


def objection(preferences: Mapping[str, Any], *, category: str, channel: str, at: datetime) -> str | None:
    """Why this user does not want it, as a reason for `skipped`; None where nothing stands against it."""
    if preferences.get("everything") is False:
        return "opted_out_of_everything"
    paused_until = preferences.get("paused_until")
    if paused_until and parse_rfc3339(paused_until) > at:
        return "paused"
    if preferences.get("categories", {}).get(category, {}).get(channel) is False:
        return "opted_out"
    return None
