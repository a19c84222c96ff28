"""Encryption of texts in tables, so that whoever reads the table cannot read them. No package of requirements.in
encrypts (ADR 0053): SHAKE-256 is the stream and HMAC-SHA-256 the authentication, each under its own key, derived by
HMAC-SHA-256 from the secret, a nonce and what the text is `about`. Whoever can write to the table can lose a text, but
neither change it nor pass it off as another's; whoever reads the table learns the approximate length."""

import hashlib
import hmac
import zlib
from base64 import b64decode, b64encode
from secrets import token_bytes

from chalicelib.security.signing import KeyRing, encode

_NONCE_BYTES, _MARK_BYTES = 16, 32
_SEALED = "sealed:"  # texts from before sealing have no colon


class SealError(Exception):
    """Permanent: sealed with another secret or about something else, or tampered with."""


class Sealer:
    """Seals with the stage's sealing key. `about` says whose text it is and what for: it cannot be read as anything
    else."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def seal(self, text: str, *, about: str) -> str:
        """The sealed form to store. Raises: UnavailableError (retryable): the key could not be read."""
        return _SEALED + seal(text, secret=encode(self._keys.current()[0]), about=about)

    def unseal(self, kept: str, *, about: str) -> str:
        """The inverse of `seal`, with any known key; text that is not sealed is returned as it is. Raises: SealError
        (permanent), UnavailableError (retryable)."""
        if not kept.startswith(_SEALED):
            return kept
        for keys in (self._keys.current, self._keys.again):
            for key in keys():
                try:
                    return unseal(kept.removeprefix(_SEALED), secret=encode(key), about=about)
                except SealError:
                    continue
        raise SealError("it was not sealed here")


def seal(text: str, *, secret: str, about: str) -> str:
    """Encrypts the text: only the holder of `secret` (random, at least 128 bits) can read it, and only with the same
    `about`."""
    nonce = token_bytes(_NONCE_BYTES)
    hidden = _stream(zlib.compress(text.encode()), _key(b"stream", secret, nonce, about))
    return b64encode(nonce + _mark(hidden, _key(b"mark", secret, nonce, about)) + hidden).decode()


def unseal(sealed: str, *, secret: str, about: str) -> str:
    """The inverse of `seal`. Raises: SealError (permanent)."""
    try:
        raw = b64decode(sealed, validate=True)
    except ValueError:
        raw = b""
    nonce, mark, hidden = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:][:_MARK_BYTES], raw[_NONCE_BYTES + _MARK_BYTES :]
    if not hmac.compare_digest(mark, _mark(hidden, _key(b"mark", secret, nonce, about))):
        raise SealError("it was sealed with another secret, or changed")
    return zlib.decompress(_stream(hidden, _key(b"stream", secret, nonce, about))).decode()


def _key(purpose: bytes, secret: str, nonce: bytes, about: str) -> bytes:
    return hmac.digest(secret.encode(), purpose + nonce + about.encode(), hashlib.sha256)


def _stream(content: bytes, key: bytes) -> bytes:
    stream = hashlib.shake_256(key).digest(len(content))
    return (int.from_bytes(content) ^ int.from_bytes(stream)).to_bytes(len(content))


def _mark(hidden: bytes, key: bytes) -> bytes:
    return hmac.digest(key, hidden, hashlib.sha256)
