"""What managers do with campaigns, and what they see before they do it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.stage.campaigns import Campaigns

if TYPE_CHECKING:
    from chalicelib.campaigns.approving import Approving
    from chalicelib.campaigns.commands import CampaignControl
    from chalicelib.campaigns.lifecycle import Course
    from chalicelib.campaigns.preview import Preview
    from chalicelib.campaigns.resend import Resend
    from chalicelib.campaigns.start_checks import Readiness
    from chalicelib.campaigns.test_send import Trial


class CampaignCommands(Campaigns):
    """A campaign from draft to archive."""

    @cached_property
    def start_checks(self) -> Readiness:
        from chalicelib.campaigns.start_checks import Readiness

        return Readiness(
            templates=self.templates,
            renderer=self.new_renderer(),
            lists=self.lists,
            campaigns=self.campaigns,
            sources=self.sources,
            clock=self.clock,
            private_addresses=self.settings.private_addresses,
        )

    @cached_property
    def campaign_commands(self) -> CampaignControl:
        from chalicelib.campaigns.commands import CampaignControl

        return CampaignControl(
            campaigns=self.campaigns,
            runs=self.runs,
            course=self.campaign_lifecycle,
            readiness=self.start_checks,
            approvals=self.approvals,
            clock=self.clock,
            approval=self.settings.campaign_approval,
        )

    @cached_property
    def campaign_lifecycle(self) -> Course:
        from chalicelib.campaigns.lifecycle import Course

        return Course(
            campaigns=self.campaigns,
            runs=self.runs,
            generator=self.generator,
            clock=self.clock,
            default_zone=self.settings.default_timezone,
        )

    @cached_property
    def approving(self) -> Approving:
        from chalicelib.campaigns.approving import Approving

        return Approving(
            campaigns=self.campaigns,
            course=self.campaign_lifecycle,
            readiness=self.start_checks,
            approvals=self.approvals,
        )

    @cached_property
    def resend(self) -> Resend:
        from chalicelib.campaigns.resend import Resend

        return Resend(campaigns=self.campaigns, runs=self.runs, approvals=self.approvals, clock=self.clock)

    @cached_property
    def test_send(self) -> Trial:
        from chalicelib.campaigns.test_send import Trial

        return Trial(
            campaigns=self.campaigns, inputs=self.campaign_inputs, accept=self.accept, content=self.content_source
        )

    @cached_property
    def campaign_preview(self) -> Preview:
        from chalicelib.campaigns.preview import Preview

        return Preview(
            sources=self.sources,
            inputs=self.campaign_inputs,
            directory=self.directory,
            addresses=self.addresses,
            consent=self.eligibility,
            clock=self.clock,
            monotonic=self.monotonic,
            default_zone=self.settings.default_timezone,
        )
