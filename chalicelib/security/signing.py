"""The stage's keys. The signing key makes tokens in letters and the codes of links. Each key is a SecureString in SSM,
created by the deployment and read on first use; it is never in the environment or the repository.

A parameter holds one or more keys, newest first, each 32 random bytes in URL-safe base64, separated by commas. The
first signs, all of them verify: a rotation puts a new one in front and drops the old one once its letters no longer
matter.
"""

import base64
import binascii
import hmac
import secrets
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Literal, get_args

from chalicelib.aws_session import reaching
from chalicelib.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

KEY_BYTES = 32
MAC_BYTES = 20  # 160 bits of HMAC-SHA256; 128 are required
_READ_AGAIN_SECONDS = 60  # a MAC that fits no key may belong to one that this process does not know yet

ReadParameter = Callable[[], str]
Key = Literal["signing-key", "address-key", "sealing-key"]
KEYS: tuple[Key, ...] = get_args(Key)


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

    def verify(self, mac: bytes, purpose: str, *parts: str) -> bool:
        """Whether any known key made `mac`, in constant time. Raises: UnavailableError (retryable)."""
        return _fits(mac, self._keys.current(), purpose, parts) or _fits(mac, self._keys.again(), purpose, parts)


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
    return any(hmac.compare_digest(mac, _mac(key, purpose, parts)) for key in keys)
