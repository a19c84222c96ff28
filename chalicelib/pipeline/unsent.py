"""Deliveries that no provider gets now, written down: they wait, with what for and until when, or they have ended."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from chalicelib.clock import rfc3339
from chalicelib.deliveries import ANY_KEY, DeliveryKey, DeliveryStatus, Move
from chalicelib.pipeline.jobs import LetterSpec

QUIET, UNLESS_OPENED, DIGEST = "quiet_hours", "unless_opened", "digest"
EXPIRED = "expired"  # nothing waits any more
ERASED = "erased"  # its reader was
UNREADABLE = "unreadable"  # what is stored, or was told, of the recipient
DUPLICATE = "duplicate"  # another recipient of the letter has the same address


def waiting(
    letter: LetterSpec,
    notification_ids: Iterable[str],
    channels: Sequence[str],
    reason: str,
    until: datetime,
    *,
    rule: str | None = None,
) -> list[Move]:
    """The moves that say so."""
    told = f"{rule or reason}, until {rfc3339(until)}"
    alike = Move(ANY_KEY, DeliveryStatus.WAITING, reason, told, request_id=letter.request_id, run_id=letter.run_id)
    return _of_each(notification_ids, channels, alike)


def ended(
    letter: LetterSpec,
    notification_ids: Iterable[str],
    channels: Sequence[str],
    status: DeliveryStatus,
    reason: str,
    *,
    rule: str | None = None,
) -> list[Move]:
    """The moves that close them unsent, all but those that a worker has claimed."""
    alike = Move(ANY_KEY, status, reason, rule, request_id=letter.request_id, run_id=letter.run_id, unclaimed=True)
    return _of_each(notification_ids, channels, alike)


def _of_each(notification_ids: Iterable[str], channels: Sequence[str], alike: Move) -> list[Move]:
    return [alike._replace(key=DeliveryKey(one, channel)) for one in notification_ids for channel in channels]
