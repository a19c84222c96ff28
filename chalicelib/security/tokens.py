"""Tokens in letters: they say who may do what, without a login and without a database row. `pipeline/compose.py`
makes them, the public pages read them.

A token is `<claims>.<MAC>`: the claims are readable, the MAC needs the stage's key. A token opens only its purpose, and
only for as long as `LIFE` says, since letters are forwarded (ADR 0008).
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from chalicelib.clock import Clock
from chalicelib.errors import NotFoundError, Phrase
from chalicelib.security.signing import MAC_BYTES, Signer, decode, encode

MAX_TOKEN_CHARS = 1024


class Purpose(StrEnum):
    """What a token opens."""

    UNSUBSCRIBE = "unsubscribe"
    PREFERENCES = "preferences"


# Of a letter's token, from the day it was made. CAN-SPAM asks for 30 days of unsubscribing (16 CFR 316, 15 U.S.C.
# 7704(a)(3)); people unsubscribe from old letters. What a token shows is told for a shorter time.
LIFE: Mapping[Purpose, timedelta] = {Purpose.UNSUBSCRIBE: timedelta(days=365), Purpose.PREFERENCES: timedelta(days=90)}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNDATED = datetime(2026, 11, 29, tzinfo=UTC)  # the assumed date of tokens from before this rule


class LetterClaims(NamedTuple):
    """The letter that a token came in: whose it was, and of which category. `address` is where it was sent: for a
    user's letter only its keyed hash (`addresses.owner_of`), as users may change their address. For a collected letter
    `category` holds all categories inside it, separated by commas."""

    user_id: str | None
    address: str | None
    channel: str
    category: str
    notification_id: str

    def each(self) -> "list[LetterClaims]":
        """The same for each of its categories."""
        return [self._replace(category=one) for one in self.category.split(",")]


class ExpiredLinkError(NotFoundError):
    """Permanent: our token for this purpose, but expired."""

    def __init__(self, claims: LetterClaims, purpose: Purpose) -> None:
        super().__init__(Phrase("this link is too old"))
        self.claims = claims
        self.purpose = purpose


class Tokens:
    """Makes and reads tokens."""

    def __init__(self, signer: Signer, *, clock: Clock) -> None:
        self._signer = signer
        self._clock = clock

    def make(self, claims: LetterClaims, *purposes: Purpose) -> list[str]:
        """A token for one purpose, URL-safe. Raises: UnavailableError (retryable): the key could not be read."""
        fields = [*claims, (self._clock() - _EPOCH).days]
        content = encode(json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode())
        return [f"{content}.{self._signer.code(purpose, content)}" for purpose in purposes]

    def read(self, purpose: Purpose, token: str) -> LetterClaims:
        """Raises: NotFoundError (permanent): not our token for this purpose; ExpiredLinkError (permanent): expired;
        UnavailableError (retryable)."""
        content, _, signature = token.partition(".")
        try:
            mac = decode(signature)
            known = len(token) <= MAX_TOKEN_CHARS and len(mac) == MAC_BYTES
            if known and self._signer.verify(mac, purpose, content):
                return self._in_time(purpose, json.loads(decode(content)))
        except (ValueError, TypeError):
            pass
        raise NotFoundError(Phrase("this link was not made by this service"))

    def _in_time(self, purpose: Purpose, fields: list[Any]) -> LetterClaims:
        said = len(LetterClaims._fields)
        claims, made = (
            LetterClaims(*fields[:said]),
            _EPOCH + timedelta(days=fields[said]) if fields[said:] else _UNDATED,
        )
        if (self._clock() - made).days > LIFE[
            purpose
        ].days:  # a token holds only its day: it is valid throughout its last one
            raise ExpiredLinkError(claims, purpose)
        return claims
