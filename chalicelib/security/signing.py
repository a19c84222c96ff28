"""The stage's keys, and what is signed by them: tokens in letters, which say who may do what without a login and
without a database row, codes of links, hashes of addresses. Each key is a SecureString in SSM,
created by the deployment and read on first use; it is never in the environment or the repository.

A parameter holds one or more keys, newest first, each 32 random bytes in URL-safe base64, separated by commas. The
first signs, all of them verify: a rotation puts a new one in front and drops the old one once its letters no longer
matter.
"""

import base64
import binascii
import hmac
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from chalicelib.addresses import mailbox_of, owner_of, same_address_key
from chalicelib.aws_session import reaching
from chalicelib.clock import Clock
from chalicelib.errors import NotFoundError, Phrase, UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

KEY_BYTES = 32
MAC_BYTES = 20  # 160 bits of HMAC-SHA256; 128 are required
_READ_AGAIN_SECONDS = 60  # a MAC that fits no key may belong to one that this process does not know yet

ReadParameter = Callable[[], str]
Key = Literal["signing-key", "address-key", "sealing-key"]
KEYS: tuple[Key, ...] = get_args(Key)
MAX_TOKEN_CHARS = 1024


class Purpose(StrEnum):
    """What a token opens."""

    UNSUBSCRIBE = "unsubscribe"
    PREFERENCES = "preferences"
    VIEW = "view"


# Of a letter's token, from the day it was made. CAN-SPAM asks for 30 days of unsubscribing (16 CFR 316, 15 U.S.C.
# 7704(a)(3)); people unsubscribe from old letters. What a token shows is told for a shorter time.
LIFE: Mapping[Purpose, timedelta] = {
    Purpose.UNSUBSCRIBE: timedelta(days=365),
    Purpose.PREFERENCES: timedelta(days=90),
    Purpose.VIEW: timedelta(days=365),  # or for as long as the letter is kept, if that is shorter
}
RENEWED = (Purpose.UNSUBSCRIBE, Purpose.PREFERENCES)  # of these a reader may ask for a new one
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNDATED = datetime(2026, 11, 29, tzinfo=UTC)  # the assumed date of tokens from before this rule


class KeyRing:
    """The keys of one parameter, newest first. `read` returns its text and raises UnavailableError (retryable)."""

    def __init__(self, read: ReadParameter) -> None:
        self._read = read
        self._keys: tuple[bytes, ...] = ()
        self._read_at = 0.0

    def current(self) -> tuple[bytes, ...]:
        """Those that this process knows."""
        return self._keys or self._load()

    def again(self) -> tuple[bytes, ...]:
        """Keys that may have been added since; none if they were read a moment ago."""
        return () if monotonic() - self._read_at < _READ_AGAIN_SECONDS else self._load()

    def _load(self) -> tuple[bytes, ...]:
        self._keys = _keys_in(self._read())
        self._read_at = monotonic()
        return self._keys


class Signer:
    """Signs and verifies. `read` is that of a `KeyRing`."""

    def __init__(self, read: ReadParameter) -> None:
        self._keys = KeyRing(read)

    def mac(self, purpose: str, *parts: str) -> bytes:
        """MAC_BYTES derived from `purpose` and `parts`, constant as long as the key is. Raises: UnavailableError
        (retryable)."""
        return _mac(self._keys.current()[0], purpose, parts)

    def code(self, purpose: str, *parts: str) -> str:
        """The MAC as URL-safe text of 27 characters: an unguessable name for `parts`."""
        return encode(self.mac(purpose, *parts))

    def verify(self, mac: bytes, purpose: str, *parts: str, size: int = MAC_BYTES) -> bool:
        """Whether any known key made `mac`, which has `size` bytes, in constant time. Raises: UnavailableError
        (retryable)."""
        return len(mac) == size and any(
            _fits(mac, keys(), purpose, parts) for keys in (self._keys.current, self._keys.again)
        )


class AddressHashes:
    """Keyed hashes of addresses: opt-outs are stored under them and outlive the erasure of the address. `signer` holds
    the stage's `address-key`, which is secret because addresses are few enough to be tried one by one."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def of(self, channel: str, address: str) -> str:
        """27 URL-safe characters, the same for each spelling of an address. Raises: UnavailableError (retryable): the
        key could not be read."""
        return self._signer.code("address", channel, same_address_key(channel, address))

    def key(self, channel: str, address: str) -> str:
        """The key of what is kept of an address. Raises: as `of`."""
        return f"{channel}#{self.of(channel, address)}"

    def owner(self, channel: str, address: str) -> str:
        """The owner of rows for an address that belongs to no known user. Raises: as `of`."""
        return owner_of(self.of(channel, address))

    def mailbox(self, channel: str, address: str) -> str:
        """The owner of counts for a mailbox, whatever address its letters use. Raises: as `of`."""
        return self.owner(channel, mailbox_of(channel, address))


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
    """Makes and reads tokens. A token is `<claims>.<MAC>`: the claims are readable, the MAC needs the stage's key. It
    opens only its purpose, and only for as long as `LIFE` says, since letters are forwarded (ADR 0008)."""

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
        claims = LetterClaims(*fields[:said])
        made = _EPOCH + timedelta(days=fields[said]) if fields[said:] else _UNDATED
        if (self._clock() - made).days > LIFE[purpose].days:  # a token holds its day, and is valid throughout its last
            raise ExpiredLinkError(claims, purpose)
        return claims


def parameter_name(stage: str, key: Key = "signing-key") -> str:
    """The SSM parameter of one of a stage's keys. `address-key` never changes: nothing hashed with another key would be
    found."""
    return f"/vestnik/{stage}/{key}"


def new_key() -> str:
    """A fresh key in the parameter's format."""
    return encode(secrets.token_bytes(KEY_BYTES))


def read_parameter(client: "SSMClient", name: str) -> str:
    """The text of a SecureString. Raises: UnavailableError (retryable)."""
    with reaching(f"the key {name} could not be read"):
        return client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]


def encode(raw: bytes) -> str:
    """URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode(text: str) -> bytes:
    """The inverse of `encode`; only the exact spelling of `encode` is accepted. Raises: ValueError."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("not URL-safe base64") from error
    if encode(raw) != text:
        raise ValueError("not the canonical spelling")
    return raw


def _keys_in(parameter: str) -> tuple[bytes, ...]:
    try:
        keys = tuple(decode(part.strip().rstrip("=")) for part in parameter.split(","))
    except ValueError:
        keys = ()
    if not keys or any(len(key) < KEY_BYTES for key in keys):
        raise UnavailableError("a key of this stage is not in order: see docs/links-and-preferences.md")
    return keys


def _mac(key: bytes, purpose: str, parts: Sequence[str]) -> bytes:
    # Each part goes with its length, so that ("ab", "c") and ("a", "bc") differ.
    texts = [part.encode() for part in (purpose, *parts)]
    message = b"".join(len(text).to_bytes(4, "big") + text for text in texts)
    return hmac.digest(key, message, "sha256")[:MAC_BYTES]


def _fits(mac: bytes, keys: Sequence[bytes], purpose: str, parts: Sequence[str]) -> bool:
    return any(hmac.compare_digest(mac, _mac(key, purpose, parts)[: len(mac)]) for key in keys)
