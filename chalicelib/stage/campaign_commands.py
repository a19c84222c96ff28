"""What managers do with campaigns, and what they see before they do it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.stage.campaign_runs import RunParts

if TYPE_CHECKING:
    from chalicelib.campaigns.attribute_catalogue import AttributeCatalogue
    from chalicelib.campaigns.audience_checks import AudienceChecks
    from chalicelib.campaigns.audience_look import AudienceLook
    from chalicelib.campaigns.commands import CampaignCommands, Resend
    from chalicelib.campaigns.comparison import CampaignComparison
    from chalicelib.campaigns.desk_commands import DeskCommands
    from chalicelib.campaigns.experiment_standing import ExperimentStanding
    from chalicelib.campaigns.lifecycle import Lifecycle
    from chalicelib.campaigns.preview import AudiencePreview
    from chalicelib.campaigns.review import Review
    from chalicelib.campaigns.sending_calendar import SendingCalendar
    from chalicelib.campaigns.start_checks import StartChecks
    from chalicelib.campaigns.test_send import TestSend
    from chalicelib.campaigns.winner import Winner
    from chalicelib.rendering.template_keys import TemplateKeys
    from chalicelib.services.run_report import RunReport
    from chalicelib.storage.campaign_desk import CampaignDesk


class CampaignCommandParts(RunParts):
    """A campaign from draft to archive."""

    @cached_property
    def start_checks(self) -> StartChecks:
        from chalicelib.campaigns.start_checks import StartChecks

        return StartChecks(
            templates=self.templates,
            renderer=self.new_renderer(),
            audiences=self.audience_checks,
            sources=self.sources,
            files=self.campaign_files,
            clock=self.clock,
            private_addresses=self.settings.private_addresses,
            opens_measured=bool(self.settings.tracking_domain),
        )

    @cached_property
    def audience_checks(self) -> AudienceChecks:
        from chalicelib.campaigns.audience_checks import AudienceChecks

        return AudienceChecks(lists=self.lists, campaigns=self.campaigns, segments=self.segments)

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
    def template_keys(self) -> TemplateKeys:
        """For choices on pages."""
        from chalicelib.rendering.template_keys import TemplateKeys

        return TemplateKeys(self.templates, monotonic=self.monotonic)

    @cached_property
    def campaign_desk(self) -> CampaignDesk:
        """What this process knows of the list of campaigns."""
        from chalicelib.storage.campaign_desk import CampaignDesk

        return CampaignDesk(monotonic=self.monotonic)

    @cached_property
    def comparison(self) -> CampaignComparison:
        """Of campaigns side by side."""
        from chalicelib.campaigns.comparison import CampaignComparison

        return CampaignComparison(campaigns=self.campaigns, inputs=self.campaign_inputs, renderer=self.renderer)

    @cached_property
    def desk_commands(self) -> DeskCommands:
        from chalicelib.campaigns.desk_commands import DeskCommands
        from chalicelib.storage.campaign_shelf import CampaignShelf

        return DeskCommands(
            campaigns=self.campaigns,
            shelf=CampaignShelf(clock=self.clock),
            files=self.campaign_files,
            approvals=self.approvals,
            clock=self.clock,
        )

    @cached_property
    def winner(self) -> Winner:
        from chalicelib.campaigns.winner import Winner

        return Winner(
            campaigns=self.campaigns,
            runs=self.runs,
            driver=self.run_driver,
            approvals=self.approvals,
            decisions=self.experiment_decisions,
        )

    @cached_property
    def experiment_standing(self) -> ExperimentStanding:
        from chalicelib.campaigns.experiment_standing import ExperimentStanding

        return ExperimentStanding(runs=self.runs, shards=self.shards, clock=self.clock)

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
    def attribute_catalogue(self) -> AttributeCatalogue:
        from chalicelib.campaigns.attribute_catalogue import AttributeCatalogue

        return AttributeCatalogue(clock=self.clock)

    @cached_property
    def audience_look(self) -> AudienceLook:
        from chalicelib.campaigns.audience_look import AudienceLook

        return AudienceLook(
            sources=self.sources,
            directory=self.directory,
            catalogue=self.attribute_catalogue,
            clock=self.clock,
            monotonic=self.monotonic,
        )

    @cached_property
    def sending_calendar(self) -> SendingCalendar:
        from chalicelib.campaigns.sending_calendar import SendingCalendar

        return SendingCalendar(
            campaigns=self.campaigns,
            runs=self.runs,
            templates=self.templates,
            zone=self.settings.default_timezone,
        )

    @cached_property
    def campaign_preview(self) -> AudiencePreview:
        from chalicelib.campaigns.preview import AudiencePreview

        return AudiencePreview(
            sources=self.sources,
            inputs=self.campaign_inputs,
            directory=self.directory,
            addresses=self.addresses,
            consent=self.eligibility,
            clock=self.clock,
            monotonic=self.monotonic,
            default_zone=self.settings.default_timezone,
            default_locale=self.settings.default_locale,
        )

    @cached_property
    def run_report(self) -> RunReport:
        from chalicelib.pipeline.compose import Composer
        from chalicelib.services.letter_map import LetterMap
        from chalicelib.services.run_report import RunReport

        composer = Composer(templates=self.templates, renderer=self.renderer, link_maker=self.link_maker)
        letters = LetterMap(composer=composer, templates=self.templates, link_maker=self.link_maker)
        return RunReport(counts=self.report_counts, letters=letters, links=self.links)
