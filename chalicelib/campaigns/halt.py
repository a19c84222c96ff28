"""Pauses campaigns that cannot continue, and says why: a part of a run cannot be read, or the provider refuses letter
after letter.

Resuming tries again; cancelling ends that part as it is. Otherwise it would be tried every minute, and nobody would
know.
"""

from contextlib import suppress
from functools import partial

from chalicelib.campaigns.approval import SERVICE
from chalicelib.campaigns.jobs import FanoutJob
from chalicelib.deliveries import run_id
from chalicelib.errors import ConflictError, NotFoundError
from chalicelib.flow.throttle import believed
from chalicelib.observability import log_failure, logger
from chalicelib.states import HELD, CampaignNews, CampaignState
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.campaigns import Campaigns
from chalicelib.storage.shards import Shards


class Halt:
    """Every method raises: UnavailableError (retryable)."""

    def __init__(self, *, campaigns: Campaigns, shards: Shards) -> None:
        self._campaigns = campaigns
        self._shards = shards

    def stop(self, job: FanoutJob, error: Exception) -> None:
        """A part of a run cannot be read. Raises: ConflictError, NotFoundError (permanent)."""
        run = run_id(job.campaign_id, job.scheduled_at)
        log_failure("fan-out", error, run=run, shard=job.shard)
        head = self._campaigns.get(job.campaign_id)
        if head.state == CampaignState.CANCELLED:
            self._shards.end(run, job.shard)
        elif head.state not in HELD:
            self._pause(head, CampaignNews.UNREADABLE, note=job.scheduled_at)

    def believed(self, campaign_id: str, *, known: float, refused: int, accepted: int, said: str) -> int:
        """See `CampaignPort.believed`; `known` is the count as it was read, `said` is for the manager. The campaign
        holds the count: after a resume without a fix, the next refusal pauses it again."""
        left = believed(
            known=known,
            refused=refused,
            accepted=accepted,
            add=partial(self._campaigns.add_refusals, campaign_id),
            reset=partial(self._campaigns.reset_refusals, campaign_id),
        )
        if left < refused:
            with suppress(ConflictError, NotFoundError):  # somebody has stopped it already
                head = self._campaigns.get(campaign_id)
                if head.state not in (*HELD, CampaignState.CANCELLED):
                    logger().error("a campaign is paused: its letters are refused", campaign=campaign_id, said=said)
                    self._pause(head, CampaignNews.REFUSED, note=said)
        return left

    def _pause(self, head: CampaignHead, event: str, *, note: str) -> None:
        self._campaigns.enter(
            head,
            CampaignState.PAUSED,
            only_from=[CampaignState.SCHEDULED, CampaignState.RUNNING, CampaignState.COMPLETED],
            by=SERVICE,
            event=event,
            note=note,
            changes={"due": False},
        )
