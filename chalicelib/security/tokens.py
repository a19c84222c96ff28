"""Tokens in letters: they say who may do what, without a login and without a record. `pipeline/letter_links.py` makes
them, the public pages read them.

A token is `<claims>.<MAC>`: the claims are readable, the MAC is not to be made without the stage's key. A token for one
purpose opens nothing else, and opens it for as long as `LIFE` says: letters are forwarded.
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
_UNDATED = datetime(2026, 11, 29, tzinfo=UTC)  # when tokens of letters before this rule are taken to have been made


class LetterClaims(NamedTuple):
    """The letter that a token came in: whose it was, and of which kind. `address` is where it was sent: of a user's
    letter only by its keyed hash (`addresses.owner_of`), as users may leave an address. Of a collected letter
    `category` is all that are inside it, with commas between them."""

    user_id: str | None
    address: str | None
    channel: str
    category: str
    notification_id: str

    def each(self) -> "list[LetterClaims]":
        """The same for each of its categories."""
        return [self._replace(category=one) for one in self.category.split(",")]


class ExpiredLinkError(NotFoundError):
    """Permanent: a token of ours for this purpose, and its time is over."""

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
        """One for each purpose, URL-safe. Raises: UnavailableError (retryable): the key could not be read."""
        fields = [*claims, (self._clock() - _EPOCH).days]
        content = encode(json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode())
        return [f"{content}.{self._signer.code(purpose, content)}" for purpose in purposes]

    def read(self, purpose: Purpose, token: str) -> LetterClaims:
        """Raises: NotFoundError (permanent): not a token of ours for this purpose; ExpiredLinkError (permanent): one
        that was; UnavailableError (retryable)."""
        content, _, signature = token.partition(".")
        try:
            mac = decode(signature)
            known = len(token) <= MAX_TOKEN_CHARS and len(mac) == MAC_BYTES
            if known and self._signer.verify(mac, purpose, content):
                return self._in_time(purpose, json.loads(decode(content)))
        except (ValueError, TypeError):
            pass
        raise NotFoundError(Phrase("this link is not one of ours"))

    def _in_time(self, purpose: Purpose, fields: list[Any]) -> LetterClaims:
        said = len(LetterClaims._fields)
        claims, made = (
            LetterClaims(*fields[:said]),
            _EPOCH + timedelta(days=fields[said]) if fields[said:] else _UNDATED,
        )
        if (self._clock() - made).days > LIFE[purpose].days:  # a token says its day alone: it has all of its last one
            raise ExpiredLinkError(claims, purpose)
        return claims
