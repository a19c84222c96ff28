"""What each worker does with one message's body: read the job, do its work, report the result."""

from typing import TYPE_CHECKING

from chalicelib.campaigns.jobs import FanoutJob, LoadJob
from chalicelib.deliveries import run_id
from chalicelib.isolation import each
from chalicelib.observability import Line, Work
from chalicelib.pipeline.jobs import read_job

if TYPE_CHECKING:  # a worker imports only its own stage
    from chalicelib.campaigns.fanout import Fanout
    from chalicelib.campaigns.halt import Halt
    from chalicelib.campaigns.list_loader import ListLoader


def fanout_work(fanout: "Fanout", halt: "Halt") -> Work:
    """The work of `functions/fanout.py`."""

    def work(body: str) -> Line:
        job = read_job(FanoutJob, body)
        [end] = each(fanout.take, [job], alone=halt.stop) or ["unreadable"]
        return Line(ids=[run_id(job.campaign_id, job.scheduled_at)], counts={end: 1})

    return work


def load_work(loader: "ListLoader") -> Work:
    """The work of `functions/load.py`."""

    def work(body: str) -> Line:
        job = read_job(LoadJob, body)
        return Line(ids=[job.list_id], counts={loader.load(job.list_id): 1})

    return work
