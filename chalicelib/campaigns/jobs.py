"""What travels through the queues `fanout` and `load`."""

from chalicelib.pipeline.jobs import Job


class FanoutJob(Job):
    """Continue one shard of a run at exactly this step; another message may have taken the step already."""

    campaign_id: str
    scheduled_at: str
    shard: str
    step: int


class LoadJob(Job):
    """Read an uploaded list."""

    list_id: str
