"""A recorded request as the notifications and the jobs that follow from it, the same however often it is read. Called
by `accept.py` and `tick.py`."""

from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.addresses import same_address_key
from chalicelib.clock import derived_id
from chalicelib.pipeline.jobs import CHUNK_SIZE, EnrichRecipient
from chalicelib.storage.rows.ledger import RequestRow

DUE_SHARDS = 4  # the waiting requests are spread over so many partitions of the by-due index


def notification_ids(stored: RequestRow) -> list[str]:
    """Of each recipient, in order; the same user or address again has the same one. The ids follow from the request's:
    a retry meets the same ones."""
    first: dict[tuple[str, str], int] = {}
    who = [_who(one) or ("nobody", str(n)) for n, one in enumerate(stored.recipients)]
    places = [first.setdefault(one, n) for n, one in enumerate(who)]
    return [derived_id("notification", stored.notification_id, str(n)) for n in places]


def _who(recipient: Any) -> tuple[str, str] | None:
    """None of one who was erased, or who cannot be read."""
    if isinstance(recipient, dict) and isinstance(recipient.get("user_id"), str):
        return "user", recipient["user_id"]
    if isinstance(recipient, dict) and isinstance(recipient.get("email"), str):
        return "email", same_address_key("email", recipient["email"])
    return None


def recipients_of(stored: RequestRow) -> dict[str, Mapping[str, Any]]:
    """Each once, by notification id."""
    found: dict[str, Mapping[str, Any]] = {}
    for id_, recipient in zip(notification_ids(stored), stored.recipients, strict=True):
        found.setdefault(id_, recipient)
    return found


def due_shard(request_id: str) -> str:
    """The partition of the by-due index in which a waiting request stands."""
    return str(int(request_id[:8], 16) % DUE_SHARDS)


def chunks_of(stored: RequestRow) -> Iterator[tuple[EnrichRecipient, ...]]:
    """The recipients in jobs' portions."""
    recipients = [
        EnrichRecipient(
            notification_id=id_,
            user_id=recipient["user_id"] if (who := _who(recipient)) and who[0] == "user" else None,
            profile=None if who and who[0] == "user" else dict(recipient) if isinstance(recipient, dict) else {},
        )
        for id_, recipient in recipients_of(stored).items()
    ]
    for start in range(0, len(recipients), CHUNK_SIZE):
        yield tuple(recipients[start : start + CHUNK_SIZE])
