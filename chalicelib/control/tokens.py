"""Tokens in letters: they say who may do what, without a login and without a record. `pipeline/letter_links.py` makes
them, the public pages read them.

A token is `<claims>.<MAC>`: the claims are readable, the MAC is not to be made without the stage's key. A token for one
purpose opens nothing else.
"""

import json
from enum import StrEnum
from typing import NamedTuple

from chalicelib.control.signing import MAC_BYTES, Signer, decode, encode
from chalicelib.errors import NotFoundError

MAX_TOKEN_CHARS = 1024


class Purpose(StrEnum):
    """What a token opens."""

    UNSUBSCRIBE = "unsubscribe"
    PREFERENCES = "preferences"


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


class Tokens:
    """Makes and reads tokens."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def make(self, claims: LetterClaims, *purposes: Purpose) -> list[str]:
        """One for each purpose, URL-safe. Raises: UnavailableError (retryable): the key could not be read."""
        fields = [claims.user_id, claims.address, claims.channel, claims.category, claims.notification_id]
        content = encode(json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode())
        return [f"{content}.{self._signer.code(purpose, content)}" for purpose in purposes]

    def read(self, purpose: Purpose, token: str) -> LetterClaims:
        """Raises: NotFoundError (permanent): not a token of ours for this purpose; UnavailableError (retryable)."""
        content, _, signature = token.partition(".")
        try:
            mac = decode(signature)
            known = len(token) <= MAX_TOKEN_CHARS and len(mac) == MAC_BYTES
            if known and self._signer.verify(mac, purpose, content):
                return LetterClaims(*json.loads(decode(content)))
        except (ValueError, TypeError):
            pass
        raise NotFoundError("this link is not one of ours")
