"""Parts exports from uploaded lists, which come by the same queue. Exports are rarer: what writes one is imported with
the first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chalicelib.campaigns.jobs import ExportJob
from chalicelib.observability import Line, Work
from chalicelib.pipeline.jobs import read_job

if TYPE_CHECKING:
    from chalicelib.campaigns.export_writer import ExportWriter


def export_work(writer: Callable[[], ExportWriter], lists: Work) -> Work:
    """The work of the queue `load`: exports, and whatever else comes, which `lists` does."""

    def work(body: str) -> Line:
        if '"export_id"' not in body:
            return lists(body)
        job = read_job(ExportJob, body)
        return Line(ids=[job.export_id], counts={f"export_{writer().take(job)}": 1})

    return work
