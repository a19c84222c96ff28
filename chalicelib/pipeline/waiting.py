"""What waits, written down: a delivery that was not tried yet, with what it waits for and until when. Called by the
stages that put work aside.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from chalicelib.clock import rfc3339
from chalicelib.pipeline.jobs import LetterSpec
from chalicelib.pipeline.ledger import DeliveryKey, Move
from chalicelib.pipeline.statuses import DeliveryStatus

QUIET, UNLESS_OPENED, DIGEST = "quiet_hours", "unless_opened", "digest"
EXPIRED = "expired"  # nothing waits any more


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
    return [
        Move(
            DeliveryKey(one, channel),
            DeliveryStatus.WAITING,
            reason=reason,
            rule=told,
            request_id=letter.request_id,
            run_id=letter.run_id,
        )
        for one in notification_ids
        for channel in channels
    ]
