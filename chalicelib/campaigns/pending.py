"""The page of recipients that a fan-out has planned and may not have published yet, as its shard's row keeps it. The
row is written several times a page, and paid for by its size.
"""

import json
import zlib
from typing import Any

from chalicelib.campaigns.recipient_sources import user_recipient
from chalicelib.pipeline.jobs import EnrichRecipient
from chalicelib.schemas import kept, recalled

Slots = dict[str, list[EnrichRecipient]]  # the recipients by when they get it


def pack(run_id: str, slots: Slots) -> bytes | None:
    """The page in a fifth of its JSON: a user of whom nothing else is known is kept by id alone."""
    if not slots:
        return None
    plain = {slot: [_packed(run_id, one) for one in recipients] for slot, recipients in slots.items()}
    return zlib.compress(json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode())


def unpack(run_id: str, packed: bytes | None) -> Slots:
    """The inverse of `pack`."""
    if not packed:
        return {}
    plain = json.loads(zlib.decompress(packed))
    return {slot: [_unpacked(run_id, one) for one in recipients] for slot, recipients in plain.items()}


def _packed(run_id: str, one: EnrichRecipient) -> str | dict[str, Any]:
    if one.user_id and one == user_recipient(run_id, one.user_id):
        return one.user_id
    return kept(one)


def _unpacked(run_id: str, one: str | dict[str, Any]) -> EnrichRecipient:
    return user_recipient(run_id, one) if isinstance(one, str) else recalled(EnrichRecipient, one)
