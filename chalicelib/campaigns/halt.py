"""What becomes of a run of which a part cannot be read: its campaign is paused, and says why.

Whoever resumes it tries again; whoever cancels it ends that part as it is. Left to itself it would be tried every
minute, and nobody would be told.
"""

from contextlib import suppress

from chalicelib.campaigns.approval import SERVICE
from chalicelib.campaigns.jobs import FanoutJob, run_id
from chalicelib.campaigns.shards import end_shard
from chalicelib.campaigns.store import CampaignStore
from chalicelib.errors import ConflictError, NotFoundError
from chalicelib.observability import log_failure, logger
from chalicelib.storage.rows.campaigns import HELD, CampaignRow

UNREADABLE, REFUSED = "unreadable", "refused"


class Halt:
    """For the runs of one stage."""

    def __init__(self, *, campaigns: CampaignStore) -> None:
        self._campaigns = campaigns

    def stop(self, job: FanoutJob, error: Exception) -> None:
        """Raises: ConflictError, NotFoundError (permanent), UnavailableError (retryable)."""
        run = run_id(job.campaign_id, job.scheduled_at)
        log_failure("fan-out", error, run=run, shard=job.shard)
        head = self._campaigns.get(job.campaign_id)
        if head.state == "cancelled":
            end_shard(run, job.shard)
        elif head.state not in HELD:
            self._pause(head, UNREADABLE, note=job.scheduled_at)

    def refused(self, campaign_id: str, said: str) -> None:
        """The provider refuses letter after letter; `said` is for the manager. Raises: UnavailableError (retryable)."""
        with suppress(ConflictError, NotFoundError):  # somebody has stopped it already
            head = self._campaigns.get(campaign_id)
            if head.state not in (*HELD, "cancelled"):
                logger().error("a campaign is paused: its letters are refused", campaign=campaign_id, said=said)
                self._pause(head, REFUSED, note=said)

    def _pause(self, head: CampaignRow, event: str, *, note: str) -> None:
        self._campaigns.enter(
            head,
            "paused",
            only_from=["scheduled", "running", "completed"],
            by=SERVICE,
            event=event,
            note=note,
            extra=[CampaignRow.due.remove()],
        )
