"""About how many recipients a run will have, while its audience is still being gathered."""

from chalicelib.campaigns.audience_sources import Sources
from chalicelib.campaigns.model import Campaign
from chalicelib.storage.audience_counts import known_audience_count
from chalicelib.storage.campaign_head import CampaignHead


def estimate(head: CampaignHead, spec: Campaign, sources: Sources) -> int | None:
    """As they were counted last, before the start or by the run before; else as many as a list has rows, or the
    directory users. None: nobody knows, as of a rule that was never counted. Raises: NotFoundError (permanent: the list
    is gone), UnavailableError (retryable)."""
    known = known_audience_count(head)
    if known is not None or spec.audience.rule is not None or spec.audience.segments:
        return known
    return sources.size(spec.audience) or None  # of a young table AWS knows nothing yet
