"""What became of a run's letters, as the API and the pages tell it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.stage.exports import ExportParts

if TYPE_CHECKING:
    from chalicelib.services.history import History
    from chalicelib.services.run_exports import RunExports
    from chalicelib.services.run_recipients import RunRecipients
    from chalicelib.services.unsubscribe import Unsubscribe
    from chalicelib.services.why import Why


class RunReading(ExportParts):
    """Recipients of runs, and their files."""

    @cached_property
    def run_recipients(self) -> RunRecipients:
        from chalicelib.services.run_recipients import RunRecipients

        return RunRecipients(campaigns=self.campaigns, runs=self.runs, directory=self.directory)

    @cached_property
    def run_exports(self) -> RunExports:
        from chalicelib.services.run_exports import RunExports

        return RunExports(exports=self.exports, files=self.export_files, queues=self.queues)

    @cached_property
    def history(self) -> History:
        from chalicelib.services.history import History

        return History(clock=self.clock)

    @cached_property
    def why(self) -> Why:
        from chalicelib.services.why import Why

        return Why(
            campaigns=self.campaigns,
            runs=self.runs,
            directory=self.directory,
            history=self.history,
            preferences=self.preferences,
            unsubscribe=self.unsubscribe,
            hashes=self.address_hashes,
        )

    @cached_property
    def unsubscribe(self) -> Unsubscribe:
        from chalicelib.services.unsubscribe import Unsubscribe

        return Unsubscribe(
            source=self.profile_source,
            preferences=self.preferences,
            mailboxes=self.address_opt_outs,
            ledger=self.ledger,
        )
