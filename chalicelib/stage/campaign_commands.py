"""What managers do with campaigns, and what they see before they do it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.stage.campaigns import CampaignParts

if TYPE_CHECKING:
    from chalicelib.campaigns.commands import CampaignCommands, Resend
    from chalicelib.campaigns.lifecycle import Lifecycle
    from chalicelib.campaigns.preview import AudiencePreview
    from chalicelib.campaigns.review import Review
    from chalicelib.campaigns.start_checks import StartChecks
    from chalicelib.campaigns.test_send import TestSend


class CampaignCommandParts(CampaignParts):
    """A campaign from draft to archive."""

    @cached_property
    def start_checks(self) -> StartChecks:
        from chalicelib.campaigns.start_checks import StartChecks

        return StartChecks(
            templates=self.templates,
            renderer=self.new_renderer(),
            lists=self.lists,
            campaigns=self.campaigns,
            sources=self.sources,
            files=self.campaign_files,
            clock=self.clock,
            private_addresses=self.settings.private_addresses,
        )

    @cached_property
    def campaign_commands(self) -> CampaignCommands:
        from chalicelib.campaigns.commands import CampaignCommands

        return CampaignCommands(
            campaigns=self.campaigns,
            runs=self.runs,
            driver=self.run_driver,
            lifecycle=self.campaign_lifecycle,
            checks=self.start_checks,
            approvals=self.approvals,
            clock=self.clock,
            files=self.campaign_files,
            approval=self.settings.campaign_approval,
        )

    @cached_property
    def campaign_lifecycle(self) -> Lifecycle:
        from chalicelib.campaigns.lifecycle import Lifecycle

        return Lifecycle(
            campaigns=self.campaigns,
            driver=self.run_driver,
            generator=self.generator,
            clock=self.clock,
            default_zone=self.settings.default_timezone,
        )

    @cached_property
    def review(self) -> Review:
        from chalicelib.campaigns.review import Review

        return Review(
            campaigns=self.campaigns,
            lifecycle=self.campaign_lifecycle,
            checks=self.start_checks,
            approvals=self.approvals,
        )

    @cached_property
    def resend(self) -> Resend:
        from chalicelib.campaigns.commands import Resend

        return Resend(
            campaigns=self.campaigns,
            runs=self.runs,
            driver=self.run_driver,
            approvals=self.approvals,
            clock=self.clock,
        )

    @cached_property
    def test_send(self) -> TestSend:
        from chalicelib.campaigns.test_send import TestSend

        return TestSend(
            campaigns=self.campaigns, inputs=self.campaign_inputs, accept=self.accept, content=self.content_source
        )

    @cached_property
    def campaign_preview(self) -> AudiencePreview:
        from chalicelib.campaigns.preview import AudiencePreview

        return AudiencePreview(
            sources=self.sources,
            runs=self.runs,
            inputs=self.campaign_inputs,
            directory=self.directory,
            addresses=self.addresses,
            consent=self.eligibility,
            clock=self.clock,
            monotonic=self.monotonic,
            default_zone=self.settings.default_timezone,
            default_locale=self.settings.default_locale,
        )
