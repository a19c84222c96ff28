"""What travels through the queues `fanout` and `load`."""

from typing import Literal

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


class ExportJob(Job):
    """Go on with the file of a run's recipients. A worker of the last release puts it aside: it would take it for a
    list."""

    v: Literal[1, 2] = 1  # type: ignore[assignment]
    campaign_id: str
    scheduled_at: str
    export_id: str
