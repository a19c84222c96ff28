"""The accounts of managers. Each function raises UnavailableError (retryable)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pynamodb.expressions.condition import Condition

from chalicelib.clock import rfc3339
from chalicelib.storage.configuration import StoredSetting
from chalicelib.storage.cursor import read_cursor, write_cursor
from chalicelib.storage.dynamodb import batch_read, reaching_dynamodb, save_if, update_if
from chalicelib.storage.rows.accounts import LISTED, ManagerRow
from chalicelib.storage.rows.configuration import SettingRow
from chalicelib.storage.values import find, value_of


class Account(NamedTuple):
    """An account with its secrets. `totp_secret` is sealed; `totp_step` is that of the last used code, so that none
    works twice. `initial_until`: somebody else made the password, and its owner has to change it by then. Sessions of
    another round than `sessions_round` are void."""

    name: str
    password_hash: str
    roles: Sequence[str]
    disabled: bool = False
    totp_secret: str | None = None
    sessions_round: int = 0
    initial_until: str | None = None


def add_account(account: Account, *, by: str, at: datetime) -> bool:
    """False if the name is taken."""
    row = ManagerRow(
        account.name,
        listed=LISTED,
        password_hash=account.password_hash,
        roles=list(account.roles),
        initial_until=account.initial_until,
        created_at=rfc3339(at),
        created_by=by,
    )
    return save_if(row, ManagerRow.name.does_not_exist())


def find_account(name: str) -> Account | None:
    """As it is now."""
    row = find(ManagerRow, name)
    return None if row is None else value_of(Account, row)


def find_account_and_settings(name: str, settings: Sequence[str]) -> tuple[Account | None, dict[str, StoredSetting]]:
    """As they are now, in one request (at most 99 settings)."""
    account: Account | None = None
    found: dict[str, StoredSetting] = {}
    with reaching_dynamodb():
        for model, item in batch_read({ManagerRow: [(name,)], SettingRow: [(one,) for one in settings]}):
            row = model.from_raw_data(item)
            if isinstance(row, ManagerRow):
                account = value_of(Account, row)
            elif isinstance(row, SettingRow):
                found[row.name] = value_of(StoredSetting, row)
    return account, found


def page_of_accounts(*, limit: int, cursor: str | None) -> tuple[list[Account], str | None]:
    """Accounts by name, at most a hundred, and the next cursor; two requests. Raises: InvalidError (permanent: a
    foreign cursor)."""
    start = read_cursor(cursor, scope=LISTED) if cursor else None
    with reaching_dynamodb():
        page = ManagerRow.by_name.query(LISTED, limit=limit, page_size=limit, last_evaluated_key=start)
        names = [row.name for row in page]
        rows = ManagerRow.batch_get(names, consistent_read=True) if names else ()
        found = {row.name: value_of(Account, row) for row in rows}
    last = page.last_evaluated_key
    return [found[name] for name in names if name in found], write_cursor(last, scope=LISTED) if last else None


def change_account(
    name: str,
    changes: Mapping[str, Any],
    *,
    ends_sessions: bool = True,
    roles_were: Sequence[str] | None = None,
) -> bool:
    """Sets fields of an account, or removes those that are None; with `roles_were` only while it has these roles. False
    if it is missing, or has others."""
    fields = {field: getattr(ManagerRow, field) for field in changes}
    actions = [fields[field].remove() if to is None else fields[field].set(to) for field, to in changes.items()]
    if ends_sessions:
        actions.append(ManagerRow.sessions_round.add(1))
    condition: Condition = ManagerRow.name.exists()
    if roles_were is not None:
        condition &= ManagerRow.roles == list(roles_were)
    return update_if(ManagerRow(name), [*actions, ManagerRow.listed.set(LISTED)], condition)


def use_code(account: Account, *, sealed_secret: str, step: int) -> bool:
    """Records that the code of a time step was used, and seals the secret again; False if it was used before, or the
    secret was changed."""
    unused = (ManagerRow.totp_step < step) & (ManagerRow.totp_secret == account.totp_secret)
    actions = [ManagerRow.totp_secret.set(sealed_secret), ManagerRow.totp_step.set(step)]
    return update_if(ManagerRow(account.name), actions, unused)
