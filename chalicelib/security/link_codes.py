"""The names of links that letters share, and what tells behind such a name whose letter it stands in: `<code>.<whose>`.

Neither is a secret to the reader. A forged `whose` would count a click that nobody made, and nothing else.
"""

import base64
import uuid

from chalicelib.security.signing import Signer, decode, encode

_CODE_BYTES = 10  # 16 characters; DynamoDB takes them in the name of an attribute
_ID_BYTES, _MAC_BYTES = 16, 7  # 31 characters: a link has about 80


def shared_code(signer: Signer, scope: str, channel: str, target: str) -> str:
    """Of the link of some letters to a target. Raises: UnavailableError (retryable)."""
    return base64.b32encode(signer.mac("link", scope, channel, target)[:_CODE_BYTES]).decode().lower()


def whose(signer: Signer, scope: str, channel: str, notification_id: str) -> str | None:
    """The letter, signed; None: its id is none of ours. Raises: UnavailableError (retryable)."""
    try:
        id_ = uuid.UUID(notification_id)
    except ValueError:
        return None
    return encode(id_.bytes + signer.mac("whose", scope, channel, str(id_))[:_MAC_BYTES])


def read_whose(signer: Signer, text: str, scope: str, channel: str) -> str | None:
    """The notification's id; None: it was not signed by us for these letters. Raises: UnavailableError (retryable)."""
    try:
        raw = decode(text)
    except ValueError:
        return None
    if len(raw) != _ID_BYTES + _MAC_BYTES:
        return None
    id_ = str(uuid.UUID(bytes=raw[:_ID_BYTES]))
    known = signer.verify(raw[_ID_BYTES:], "whose", scope, channel, id_, size=_MAC_BYTES)
    return id_ if known else None
