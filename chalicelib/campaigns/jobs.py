"""What travels through the queues `fanout` and `load`, and how runs and their parts are named."""

from datetime import UTC, datetime

from chalicelib.pipeline.jobs import Job

AUDIENCE = "audience#"
PARKED = "parked#"
PARKED_PLACES = 4  # waiting chunks are spread over so many partitions


class FanoutJob(Job):
    """Go on with one shard of a run at exactly this step; another message may have taken the step already."""

    campaign_id: str
    scheduled_at: str
    shard: str
    step: int


class LoadJob(Job):
    """Read an uploaded list."""

    list_id: str


def time_name(moment: datetime) -> str:
    """`2026-11-22T18:00:00Z`: whole seconds, so that the same scheduled time is the same run."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def run_id(campaign_id: str, scheduled_at: str) -> str:
    """`<campaign id>@<scheduled time>`."""
    return f"{campaign_id}@{scheduled_at}"


def parked_place(run: str, n: int) -> str:
    """The partition of a run's waiting chunks."""
    return f"{run}#{n % PARKED_PLACES}"
