"""Exports of recipients, as workers write them and the API shows them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.stage.campaign_runs import RunParts

if TYPE_CHECKING:
    from chalicelib.campaigns.export_files import ExportFiles
    from chalicelib.campaigns.export_writer import ExportWriter
    from chalicelib.storage.recipient_exports import RecipientExports


class ExportParts(RunParts):
    """What writes and keeps exports."""

    @cached_property
    def exports(self) -> RecipientExports:
        from chalicelib.storage.recipient_exports import RecipientExports

        return RecipientExports(clock=self.clock)

    @cached_property
    def export_files(self) -> ExportFiles:
        from chalicelib.campaigns.export_files import ExportFiles

        return ExportFiles(
            self.s3,
            account=lambda: self.sts.get_caller_identity()["Account"],
            prefix=self.settings.resource("lists"),
        )

    @cached_property
    def export_writer(self) -> ExportWriter:
        from chalicelib.campaigns.export_writer import ExportWriter

        return ExportWriter(
            runs=self.runs,
            exports=self.exports,
            files=self.export_files,
            directory=self.directory,
            queues=self.queues,
            clock=self.clock,
            monotonic=self.monotonic,
        )
