"""How many recipients a campaign's audience had when it was counted last, kept with the version that was counted."""

from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.dynamodb import update_if
from chalicelib.storage.rows.campaigns import HEAD_PART, CampaignRow


def audience_count(head: CampaignHead, recipients: int) -> dict[str, int]:
    """As a head keeps it."""
    return {"version": head.version, "recipients": recipients}


def note_audience_count(head: CampaignHead, recipients: int) -> None:
    """Keeps a whole count, unless it is known or the campaign has been changed since. Raises: UnavailableError
    (retryable)."""
    counted = audience_count(head, recipients)
    if counted != head.audience_count:
        same = CampaignRow.version == head.version
        update_if(CampaignRow(head.id, HEAD_PART), [CampaignRow.audience_count.set(counted)], same)


def known_audience_count(head: CampaignHead) -> int | None:
    """Of exactly this version; None: it was not counted, or only in part."""
    counted = head.audience_count or {}
    return counted["recipients"] if counted.get("version") == head.version else None
