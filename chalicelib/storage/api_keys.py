"""The API keys of services, without their secrets. Each function raises UnavailableError (retryable)."""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from chalicelib.clock import now, rfc3339
from chalicelib.errors import NotFoundError, Phrase
from chalicelib.storage.cursor import read_cursor, write_cursor
from chalicelib.storage.dynamodb import reaching_dynamodb
from chalicelib.storage.rows.configuration import ApiKeyRow
from chalicelib.storage.values import find

OF_ALL = "-all"
_LISTED = "keys"  # the one partition of the index


class StoredKey(NamedTuple):
    """A key; `secret_hash` is empty in a list, as `made_by` is."""

    key_id: str
    name: str
    scopes: Sequence[str]
    created_at: str
    revoked_at: str | None = None
    secret_hash: str = ""
    made_by: str | None = None

    @property
    def of_all(self) -> list[str]:
        """The scopes that reach what all services asked for."""
        return [one for one in self.scopes if one.endswith(OF_ALL)]


def save_key(key: StoredKey) -> None:
    """Writes a key over whatever has its id."""
    fields = {**key._asdict(), "scopes": list(key.scopes)}
    with reaching_dynamodb():
        ApiKeyRow(**fields, listed=_LISTED, place=_place(key.name, revoked=False)).save()


def find_key(key_id: str) -> StoredKey | None:
    row = find(ApiKeyRow, key_id)
    if row is None:
        return None
    return _listed(row)._replace(secret_hash=row.secret_hash, made_by=row.made_by)


def service_names() -> set[str]:
    """The services that have a key, or had one."""
    with reaching_dynamodb():
        return {row.name for row in ApiKeyRow.in_order.query(_LISTED)}


def page_of_keys(*, limit: int, cursor: str | None) -> tuple[list[StoredKey], str | None]:
    """Keys by name, the revoked ones last, and the next cursor; one request. Raises: InvalidError (permanent: a foreign
    cursor)."""
    start = read_cursor(cursor, scope=_LISTED) if cursor else None
    with reaching_dynamodb():
        page = ApiKeyRow.in_order.query(_LISTED, limit=limit, page_size=limit, last_evaluated_key=start)
        keys = [_listed(row) for row in page]
    last = page.last_evaluated_key
    return keys, write_cursor(last, scope=_LISTED) if last else None


def revoke_key(key_id: str) -> None:
    """For good; repeating it is harmless. Raises: NotFoundError (permanent)."""
    with reaching_dynamodb(), suppress(ApiKeyRow.DoesNotExist):
        row = ApiKeyRow.get(key_id, consistent_read=True)
        row.update(
            actions=[
                ApiKeyRow.revoked_at.set(ApiKeyRow.revoked_at | rfc3339(now())),
                ApiKeyRow.listed.set(_LISTED),
                ApiKeyRow.place.set(_place(row.name, revoked=True)),
            ]
        )
        return
    raise NotFoundError(Phrase("there is no key {id}", id=key_id))


def _listed(row: ApiKeyRow) -> StoredKey:
    return StoredKey(row.key_id, row.name, list(row.scopes), row.created_at, row.revoked_at)


def _place(name: str, *, revoked: bool) -> str:
    return f"{'revoked' if revoked else 'in use'} {name}"
