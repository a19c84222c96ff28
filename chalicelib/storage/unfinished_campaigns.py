"""Campaigns that may still send: whoever deletes something, or changes it, asks which of them use it."""

from collections.abc import Iterator

from chalicelib.states import OVER
from chalicelib.storage.campaign_desk import listed_since
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.campaigns import LISTED, Campaigns
from chalicelib.storage.dynamodb import reaching_dynamodb
from chalicelib.storage.rows.campaigns import CampaignRow

_AT_ONCE = 100  # DynamoDB: keys of one read


def unfinished_campaigns(campaigns: Campaigns) -> Iterator[CampaignHead]:
    """Newest first, each as of now: two requests for some two thousand campaigns, and one for each hundred that are not
    over. Raises: UnavailableError (retryable)."""
    ended = {item["id"]["S"] for item in listed_since("") if item.get("state", {}).get("S") in OVER}
    with reaching_dynamodb():
        # Not by the list alone: what the last release wrote comes into it by and by.
        alive = [
            row.id for row in CampaignRow.by_creation.query(LISTED, scan_index_forward=False) if row.id not in ended
        ]
    for start in range(0, len(alive), _AT_ONCE):
        yield from (head for head in campaigns.some(alive[start : start + _AT_ONCE]) if head.state not in OVER)
