"""Sessions of managers, found by the hash of their cookie. Each function raises UnavailableError (retryable)."""

from typing import NamedTuple

from chalicelib.storage.dynamodb import delete_if, reaching_dynamodb, save_if, update_if
from chalicelib.storage.rows.accounts import SessionRow
from chalicelib.storage.values import find, value_of


class StoredSession(NamedTuple):
    """A manager's session; `proved_at`: when they last gave password and code."""

    key: str
    manager: str
    began_at: str
    expires_at_epoch: int
    round: int = -1  # no round of any account
    seen_at: str = ""
    proved_at: str = ""
    browser: str = ""
    network: str = ""


def add_session(session: StoredSession) -> None:
    fields = session._asdict()
    save_if(SessionRow(fields.pop("key"), **fields), SessionRow.id_hash.does_not_exist())


def find_session(key: str) -> StoredSession | None:
    """As it is now."""
    row = find(SessionRow, key)
    return None if row is None else _session(row)


def sessions_of(manager: str, *, limit: int) -> list[StoredSession]:
    """The newest ones of an account; two requests."""
    with reaching_dynamodb():
        found = SessionRow.by_manager.query(manager, limit=limit, scan_index_forward=False)
        keys = [row.id_hash for row in found]
        return [_session(row) for row in SessionRow.batch_get(keys, consistent_read=True)] if keys else []


def note_seen(key: str, *, at: str) -> None:
    update_if(SessionRow(key), [SessionRow.seen_at.set(at)], SessionRow.id_hash.exists())


def delete_session(key: str, *, of: str | None = None) -> bool:
    """False if it is not a session of this manager."""
    if of is not None:
        return delete_if(SessionRow(key), SessionRow.manager == of)
    with reaching_dynamodb():
        SessionRow(key).delete()
    return True


def _session(row: SessionRow) -> StoredSession:
    return value_of(StoredSession, row, key=row.id_hash)
