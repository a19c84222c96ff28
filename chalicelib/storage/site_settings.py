"""The settings that managers change, and proposals of changes. Each function raises UnavailableError (retryable)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from chalicelib.storage.dynamodb import find, reaching_dynamodb, save_if, value_of
from chalicelib.storage.rows.configuration import SettingRow


class StoredSetting(NamedTuple):
    """`value` is any JSON; versions grow by one."""

    value: Any
    version: int
    updated_at: str
    updated_by: str


def read_settings(names: Sequence[str]) -> dict[str, StoredSetting]:
    """Those that were ever set, in one request (at most 100)."""
    with reaching_dynamodb():
        return {
            row.name: value_of(StoredSetting, row) for row in SettingRow.batch_get(list(names), consistent_read=True)
        }


def find_setting(name: str) -> StoredSetting | None:
    """As it is now."""
    row = find(SettingRow, name)
    return None if row is None else value_of(StoredSetting, row)


def save_setting(name: str, setting: StoredSetting) -> bool:
    """Writes a version after the one before it; False if that is not the newest. Raises: UnavailableError (retryable):
    it may be written."""
    before, row = setting.version - 1, SettingRow(name, **setting._asdict())
    return save_if(row, SettingRow.version == before if before else SettingRow.name.does_not_exist())
