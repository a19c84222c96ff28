"""Keys of services: `vk_<key id>_<secret>`, with scopes, stored only as a hash. The API checks them at every call;
operators and managers make them.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import StrEnum
from time import monotonic
from typing import NamedTuple

from chalicelib.clock import now, rfc3339
from chalicelib.errors import ForbiddenError, InvalidError, NotFoundError, UnauthorizedError
from chalicelib.service_scope import EVERYTHING, Sight, service_hand
from chalicelib.storage.cursor import read_cursor, write_cursor
from chalicelib.storage.dynamodb import reaching_dynamodb
from chalicelib.storage.rows.configuration import ApiKeyRow
from chalicelib.text import one_line

PREFIX = "vk"
_KEY_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_LISTED = "keys"  # the one partition of the index
_OF_ALL = "-all"
_KNOWN_FOR_SECONDS = 30  # a revoked key is refused after so long at the latest


class Scope(StrEnum):
    """What a key may do. Of letters, campaigns, lists and links it reaches those that its own service asked for; with
    the scope and its `-all`, those of every service and of managers."""

    SEND = "notifications:send"
    CANCEL_ALL = "notifications:cancel-all"
    READ = "notifications:read"
    READ_ALL = "notifications:read-all"
    USERS_READ = "users:read"
    USERS_READ_ALL = "users:read-all"
    USERS_WRITE = "users:write"
    TEMPLATES_READ = "templates:read"
    TEMPLATES_WRITE = "templates:write"
    EVENTS_WRITE = "events:write"
    SETTINGS_READ = "settings:read"
    SETTINGS_WRITE = "settings:write"
    SUPPRESSIONS_READ = "suppressions:read"
    SUPPRESSIONS_WRITE = "suppressions:write"
    LINKS_READ = "links:read"
    LINKS_READ_ALL = "links:read-all"
    LINKS_WRITE = "links:write"
    LINKS_WRITE_ALL = "links:write-all"
    CAMPAIGNS_READ = "campaigns:read"
    CAMPAIGNS_READ_ALL = "campaigns:read-all"
    CAMPAIGNS_WRITE = "campaigns:write"
    CAMPAIGNS_WRITE_ALL = "campaigns:write-all"
    CAMPAIGNS_APPROVE = "campaigns:approve"
    LIVE_READ = "live:read"
    LIVE_WRITE = "live:write"
    CONTROL_READ = "control:read"
    CONTROL_WRITE = "control:write"

    @property
    def widens(self) -> "Scope | None":
        """Of a scope for what all services asked for: the one that it is given with."""
        if self is Scope.CANCEL_ALL:
            return Scope.SEND
        return Scope(self.removesuffix(_OF_ALL)) if self.endswith(_OF_ALL) else None


class Caller(NamedTuple):
    """Who calls: `key_id` is part of the derived ids, so that two services never share an Idempotency-Key; `service` is
    whose key it is, and outlives it; `made_by` is the manager who made the key."""

    key_id: str
    scopes: frozenset[str]
    service: str
    made_by: str | None = None

    @property
    def hands(self) -> frozenset[str]:
        """Whose doing it is where two have to agree: callers with one of these in common count as one."""
        return frozenset({self.key_id, service_hand(self.service), *([self.made_by] if self.made_by else [])})

    def demand(self, scope: Scope, of_all: Scope | None = None) -> Sight:
        """What the caller sees by a scope: with `of_all` too, everything. Raises: ForbiddenError (permanent)."""
        if scope not in self.scopes:
            raise ForbiddenError(f"this key lacks the scope {scope}")
        return EVERYTHING if of_all in self.scopes else Sight(self.service, self.key_id)


def create_key(
    name: str,
    scopes: Sequence[str],
    key_id: str | None = None,
    secret: str | None = None,
    *,
    made_by: str | None = None,
) -> str:
    """Makes a key of the service `name`, or replaces that of `key_id`, and returns it whole, for the only time. Raises:
    InvalidError (permanent: an unknown scope, a bad id), UnavailableError (retryable)."""
    for scope in scopes:
        if scope not in set(Scope):
            raise InvalidError.of("scopes", f"{scope} is not one of {', '.join(Scope)}")
    key_id = key_id or secrets.token_hex(6)
    if not _KEY_ID.fullmatch(key_id):
        raise InvalidError.of("key_id", "expected 1 to 64 letters, digits and hyphens")
    name, secret = one_line(name), secret or secrets.token_urlsafe(32)
    with reaching_dynamodb():
        ApiKeyRow(
            key_id,
            listed=_LISTED,
            place=_place(name, revoked=False),
            name=name,
            secret_hash=_hash(secret),
            scopes=list(scopes),
            created_at=rfc3339(now()),
            made_by=made_by,
        ).save()
    return f"{PREFIX}_{key_id}_{secret}"


class Key(NamedTuple):
    """A key without its secret."""

    key_id: str
    name: str
    scopes: Sequence[str]
    created_at: str
    revoked_at: str | None

    @property
    def of_all(self) -> list[str]:
        """The scopes that reach what all services asked for."""
        return [one for one in self.scopes if one.endswith(_OF_ALL)]


def services() -> set[str]:
    """The names of all services that have a key, or had one. Raises: UnavailableError (retryable)."""
    with reaching_dynamodb():
        return {row.name for row in ApiKeyRow.in_order.query(_LISTED)}


def page_of_keys(*, limit: int, cursor: str | None) -> tuple[list[Key], str | None]:
    """Keys by name, the revoked ones last, and the cursor of the next ones; one request. Raises: InvalidError
    (permanent: a foreign cursor), UnavailableError (retryable)."""
    start = read_cursor(cursor, scope=_LISTED) if cursor else None
    with reaching_dynamodb():
        page = ApiKeyRow.in_order.query(_LISTED, limit=limit, page_size=limit, last_evaluated_key=start)
        keys = [Key(row.key_id, row.name, list(row.scopes), row.created_at, row.revoked_at) for row in page]
    last = page.last_evaluated_key
    return keys, write_cursor(last, scope=_LISTED) if last else None


def revoke_key(key_id: str) -> None:
    """For good; repeating it is harmless. Raises: NotFoundError (permanent), UnavailableError (retryable)."""
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
    raise NotFoundError(f"there is no key {key_id}")


class KeyRing:
    """Checks keys; remembers good ones for a while, so that a busy caller costs no read."""

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock  # seconds that never go back
        self._known: dict[str, tuple[float, Caller]] = {}

    def revoke(self, key_id: str) -> None:
        """As `revoke_key`; this process refuses the key at once, others within half a minute."""
        revoke_key(key_id)
        self._known = {known: one for known, one in self._known.items() if one[1].key_id != key_id}

    def caller(self, authorization: str | None) -> Caller:
        """Who is behind an `Authorization` header. Raises: UnauthorizedError (permanent), UnavailableError
        (retryable)."""
        scheme, key_id, secret = _parts(authorization)
        if scheme.lower() != f"bearer {PREFIX}" or not _KEY_ID.fullmatch(key_id) or not secret:
            raise UnauthorizedError("expected the header Authorization: Bearer <API key>")
        digest = _hash(secret)
        known = self._known.get(f"{key_id}:{digest}")
        if known and known[0] > self._clock():
            return known[1]
        caller = _read(key_id, digest)
        self._known[f"{key_id}:{digest}"] = (self._clock() + _KNOWN_FOR_SECONDS, caller)
        return caller


def secret_of(authorization: str | None) -> str:
    """The secret of a key in an `Authorization` header, however the rest of the header is spelled."""
    return _parts(authorization)[2]


def _parts(authorization: str | None) -> tuple[str, str, str]:
    """The scheme and our prefix, the key's id, its secret."""
    scheme, _, key = (authorization or "").partition(" ")
    prefix, _, rest = key.strip().partition("_")
    key_id, _, secret = rest.partition("_")
    return f"{scheme} {prefix}", key_id, secret


def _read(key_id: str, digest: str) -> Caller:
    row: ApiKeyRow | None = None
    with reaching_dynamodb(), suppress(ApiKeyRow.DoesNotExist):
        row = ApiKeyRow.get(key_id, consistent_read=True)
    right = row is not None and hmac.compare_digest(row.secret_hash, digest)
    if row is None or row.revoked_at or not right:
        raise UnauthorizedError("this API key is unknown or revoked", key_id=key_id if right else None)
    return Caller(key_id=key_id, scopes=frozenset(row.scopes), service=row.name, made_by=row.made_by)


def _place(name: str, *, revoked: bool) -> str:
    return f"{'revoked' if revoked else 'in use'} {name}"


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
