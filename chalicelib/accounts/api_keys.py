"""API keys of services: `vk_<key id>_<secret>`, with scopes. Only a hash of the secret is stored: it has 256 random
bits, to which a slow hash would add nothing."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Sequence
from enum import StrEnum
from time import monotonic
from typing import NamedTuple

from chalicelib.clock import now, rfc3339
from chalicelib.errors import ForbiddenError, InvalidError, Phrase, UnauthorizedError
from chalicelib.service_scope import EVERYTHING, Sight, service_hand
from chalicelib.storage.api_keys import OF_ALL, StoredKey, find_key, revoke_key, save_key
from chalicelib.text import one_line

PREFIX = "vk"
_KEY_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_KNOWN_FOR_SECONDS = 30  # a revoked key is refused after this long at the latest


class Scope(StrEnum):
    """What a key may do, with the letters, campaigns, lists and links of its own service; together with the `-all`
    scope, with those of every service and of managers."""

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
    MEDIA_READ = "media:read"
    MEDIA_WRITE = "media:write"
    LIVE_READ = "live:read"
    LIVE_WRITE = "live:write"
    CONTROL_READ = "control:read"
    CONTROL_WRITE = "control:write"

    @property
    def widens(self) -> "Scope | None":
        """For an `-all` scope: the scope that it extends."""
        if self is Scope.CANCEL_ALL:
            return Scope.SEND
        return Scope(self.removesuffix(OF_ALL)) if self.endswith(OF_ALL) else None


class Caller(NamedTuple):
    """Who calls. `key_id` is part of derived ids, so that two services never share an Idempotency-Key; `service` owns
    the key and outlives it; `made_by` is the manager who made it."""

    key_id: str
    scopes: frozenset[str]
    service: str
    made_by: str | None = None

    @property
    def hands(self) -> frozenset[str]:
        """Who is acting, where two have to agree: callers with one of these in common count as one person."""
        return frozenset({self.key_id, service_hand(self.service), *([self.made_by] if self.made_by else [])})

    def demand(self, scope: Scope, of_all: Scope | None = None) -> Sight:
        """What the caller sees with a scope; with `of_all` too, everything. Raises: ForbiddenError (permanent)."""
        if scope not in self.scopes:
            raise ForbiddenError(Phrase("this key lacks the scope {scope}", scope=scope))
        return EVERYTHING if of_all in self.scopes else Sight(self.service, self.key_id)


def create_key(
    name: str,
    scopes: Sequence[str],
    key_id: str | None = None,
    secret: str | None = None,
    *,
    made_by: str | None = None,
) -> str:
    """Makes a key of the service `name`, or replaces that of `key_id`, and returns it whole, the only time. Raises:
    InvalidError (permanent: an unknown scope, a bad id), UnavailableError (retryable)."""
    for scope in scopes:
        if scope not in set(Scope):
            raise InvalidError.of("scopes", Phrase("{name} is not one of {known}", name=scope, known=", ".join(Scope)))
    key_id = key_id or secrets.token_hex(6)
    if not _KEY_ID.fullmatch(key_id):
        raise InvalidError.of("key_id", Phrase("expected 1 to 64 letters, digits and hyphens"))
    name, secret = one_line(name), secret or secrets.token_urlsafe(32)
    save_key(StoredKey(key_id, name, scopes, rfc3339(now()), secret_hash=_hash(secret), made_by=made_by))
    return f"{PREFIX}_{key_id}_{secret}"


class ApiKeys:
    """Checks keys, and caches good ones for a while, so that a busy caller costs no read."""

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock  # monotonic seconds
        self._known: dict[str, tuple[float, Caller]] = {}

    def revoke(self, key_id: str) -> None:
        """As `revoke_key`; this process refuses the key at once, others within half a minute."""
        revoke_key(key_id)
        self._known = {known: one for known, one in self._known.items() if one[1].key_id != key_id}

    def caller(self, authorization: str | None) -> Caller:
        """The caller behind an `Authorization` header. Raises: UnauthorizedError (permanent), UnavailableError
        (retryable)."""
        scheme, key_id, secret = _parts(authorization)
        if scheme.lower() != f"bearer {PREFIX}" or not _KEY_ID.fullmatch(key_id) or not secret:
            raise UnauthorizedError(Phrase("expected the header Authorization: Bearer <API key>"))
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
    key = find_key(key_id)
    right = key is not None and hmac.compare_digest(key.secret_hash, digest)
    if key is None or key.revoked_at or not right:
        raise UnauthorizedError(Phrase("this API key is unknown or revoked"), key_id=key_id if right else None)
    return Caller(key_id=key_id, scopes=frozenset(key.scopes), service=key.name, made_by=key.made_by)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
