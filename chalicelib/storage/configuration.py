"""What managers change while the service runs: settings, proposals of changes, and versions of templates. Each function
raises UnavailableError (retryable)."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pynamodb.transactions import TransactWrite

from chalicelib.clock import Clock, rfc3339
from chalicelib.storage.dynamodb import reaching_dynamodb, save_if, transaction
from chalicelib.storage.rows.configuration import SHIPPED_PLACE, SettingRow, TemplateRow, shipped_row_key
from chalicelib.storage.values import find, value_of

NEWEST = "newest"


class TemplateVersions:
    """Versions as JSON: those that people saved, and those shipped with some release, for whatever other release runs.
    None ever changes or is deleted: a letter may wait for its version for weeks (ADR 0045)."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def latest(self, key: str) -> int | None:
        """The number of the newest version that was saved."""
        with reaching_dynamodb():
            rows = TemplateRow.query(
                key, scan_index_forward=False, limit=1, consistent_read=True, attributes_to_get=["key", "version"]
            )
            return next((int(row.version) for row in rows), None)

    def body(self, key: str, version: int | str) -> Mapping[str, Any] | None:
        """A saved version by its number, or a shipped one by its name."""
        if isinstance(version, str):
            row = find(TemplateRow, shipped_row_key(key, version), SHIPPED_PLACE)
        else:
            row = find(TemplateRow, key, version)
        return None if row is None else row.body

    def newest(self) -> list[Mapping[str, Any]]:
        """The newest saved version of every key that has one, by key."""
        with reaching_dynamodb():
            return [row.body for row in TemplateRow.in_order.query(NEWEST)]

    def keep(self, key: str, name: str, body: Mapping[str, Any]) -> None:
        """Stores a shipped version unless it exists."""
        # Nearly always it does, and to be told so by a write costs as much as to write it.
        if find(TemplateRow, shipped_row_key(key, name), SHIPPED_PLACE) is None:
            save_if(shipped_row(key, name, body, at=rfc3339(self._clock())), TemplateRow.key.does_not_exist())

    def add(self, key: str, version: int, body: Mapping[str, Any], *, replaces: int | None, by: str) -> bool:
        """Stores a version as the newest; False if another with this number was stored meanwhile."""
        at = rfc3339(self._clock())
        row = TemplateRow(key, version, newest=NEWEST, body=body, created_at=at, created_by=by)

        def write(writes: TransactWrite) -> None:
            writes.save(row, condition=TemplateRow.key.does_not_exist())
            if replaces is not None:
                writes.update(TemplateRow(key, replaces), actions=[TemplateRow.newest.remove()])

        return transaction(write)


def shipped_row(key: str, name: str, body: Mapping[str, Any], *, at: str) -> TemplateRow:
    """How a shipped version is stored."""
    return TemplateRow(shipped_row_key(key, name), SHIPPED_PLACE, body=body, created_at=at, created_by="deploy")


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
