"""The row of one notification. `accept` writes it for a request, `campaigns/admission.py` for a campaign's chunk."""

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.pipeline.jobs import LetterSpec
from chalicelib.storage.ledger import NOTIFICATION_PART, NotificationRow, day_shard


def notification_row(
    notification_id: str,
    letter: LetterSpec,
    *,
    channels: Sequence[str],
    recipient: Mapping[str, Any],
    send_at: str | None,
    expires_at_epoch: int,
) -> NotificationRow:
    """The row that says what was asked for one recipient."""
    own = letter.campaign_id is None
    return NotificationRow(
        notification_id,
        NOTIFICATION_PART,
        created_at=letter.accepted_at,
        request_id=letter.request_id,
        user_id=recipient.get("user_id"),
        template=letter.template,
        template_version=letter.template_version,
        category=letter.category,
        lane=letter.lane,
        channels=list(channels),
        recipient=dict(recipient),
        send_at=send_at,
        expires_at=letter.expires_at,
        campaign_id=letter.campaign_id,
        run_id=letter.run_id,
        day=day_shard(letter.accepted_at, notification_id) if own else None,
        place=f"{letter.accepted_at}#{notification_id}" if own else None,
        expires_at_epoch=expires_at_epoch,
    )
