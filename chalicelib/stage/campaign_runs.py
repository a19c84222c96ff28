"""What runs campaigns: opening their runs, sending them off, deciding their tests."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.stage.campaigns import CampaignParts

if TYPE_CHECKING:
    from chalicelib.campaigns.experiment_decision import ExperimentDecisions
    from chalicelib.campaigns.fanout import Fanout
    from chalicelib.campaigns.generator import Generator
    from chalicelib.campaigns.report_counts import ReportCounts
    from chalicelib.campaigns.runs import RunDriver


class RunParts(CampaignParts):
    """Each part is made on first use."""

    @cached_property
    def run_driver(self) -> RunDriver:
        from chalicelib.campaigns.run_planner import RunPlanner
        from chalicelib.campaigns.runs import RunDriver

        return RunDriver(
            planner=RunPlanner(
                inputs=self.campaign_inputs, files=self.campaign_files, sources=self.sources, clock=self.clock
            ),
            runs=self.runs,
            shards=self.shards,
            held=self.held_chunks,
            queues=self.queues,
            hours=self.hourly_stats,
            results=self.run_results,
            decisions=self.experiment_decisions,
            clock=self.clock,
        )

    @cached_property
    def experiment_decisions(self) -> ExperimentDecisions:
        """Finds the winners of A/B tests."""
        from chalicelib.campaigns.experiment_decision import ExperimentDecisions

        return ExperimentDecisions(
            campaigns=self.campaigns,
            runs=self.runs,
            clock=self.clock,
            default_zone=self.settings.default_timezone,
        )

    @cached_property
    def fanout(self) -> Fanout:
        from chalicelib.campaigns.fanout import Fanout
        from chalicelib.campaigns.pacing import Publisher
        from chalicelib.storage.rate_limits import RateLimiter

        turns = RateLimiter(clock=self.clock, default_rates=lambda _: 1.0, block_seconds=0)
        return Fanout(
            campaigns=self.campaigns,
            runs=self.runs,
            shards=self.shards,
            held=self.held_chunks,
            sources=self.sources,
            publisher=Publisher(self.queues, turns=turns, sleep=self.sleep, clock=self.monotonic),
            queues=self.queues,
            clock=self.clock,
            monotonic=self.monotonic,
            default_zone=self.settings.default_timezone,
        )

    @cached_property
    def generator(self) -> Generator:
        """Starts the runs of automatic mailings."""
        from chalicelib.campaigns.generator import Generator

        return Generator(
            campaigns=self.campaigns,
            runs=self.runs,
            driver=self.run_driver,
            approvals=self.approvals,
            clock=self.clock,
            default_zone=self.settings.default_timezone,
        )

    @cached_property
    def report_counts(self) -> ReportCounts:
        from chalicelib.campaigns.report_counts import ReportCounts
        from chalicelib.storage.result_notes import ResultNotes

        notes = ResultNotes(clock=self.clock, retention_days=self.settings.retention_days)
        return ReportCounts(runs=self.runs, notes=notes, queues=self.queues, clock=self.clock, monotonic=self.monotonic)
