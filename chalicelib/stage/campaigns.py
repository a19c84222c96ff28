"""Campaigns as workers run them: audiences, runs, fan-out, admission of chunks."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.stage.notifications import Notifications

if TYPE_CHECKING:
    import requests

    from chalicelib.campaigns.admission import ChunkAdmission
    from chalicelib.campaigns.approval import Approvals
    from chalicelib.campaigns.audience_sources import Sources
    from chalicelib.campaigns.campaign_files import CampaignFiles
    from chalicelib.campaigns.content_source import ContentSource
    from chalicelib.campaigns.halt import Halt
    from chalicelib.campaigns.letter_inputs import LetterInputs
    from chalicelib.campaigns.list_loader import ListLoader
    from chalicelib.campaigns.list_uploads import Uploads
    from chalicelib.campaigns.run_results import RunResults
    from chalicelib.storage.campaign_backfill import CampaignBackfill
    from chalicelib.storage.campaigns import Campaigns
    from chalicelib.storage.held_chunks import HeldChunks
    from chalicelib.storage.list_rows import ListRows
    from chalicelib.storage.recipient_lists import RecipientLists
    from chalicelib.storage.runs import Runs
    from chalicelib.storage.segments import SavedSegments
    from chalicelib.storage.shards import Shards


class CampaignParts(Notifications):
    """What makes and runs campaigns."""

    @cached_property
    def campaigns(self) -> Campaigns:
        from chalicelib.storage.campaigns import Campaigns

        return Campaigns(clock=self.clock)

    @cached_property
    def runs(self) -> Runs:
        from chalicelib.storage.runs import Runs

        return Runs()

    @cached_property
    def run_results(self) -> RunResults:
        from chalicelib.campaigns.run_results import RunResults

        return RunResults(
            campaigns=self.campaigns,
            runs=self.runs,
            clock=self.clock,
            monotonic=self.monotonic,
            zone=self.settings.default_timezone,
        )

    @cached_property
    def campaign_backfill(self) -> CampaignBackfill:
        from chalicelib.storage.campaign_backfill import CampaignBackfill

        return CampaignBackfill(clock=self.clock)

    @cached_property
    def shards(self) -> Shards:
        from chalicelib.storage.shards import Shards

        return Shards(clock=self.clock, retention_days=self.settings.retention_days)

    @cached_property
    def lists(self) -> RecipientLists:
        from chalicelib.storage.recipient_lists import RecipientLists

        return RecipientLists(clock=self.clock)

    @cached_property
    def list_rows(self) -> ListRows:
        from chalicelib.storage.list_rows import ListRows

        return ListRows(self.lists)

    @cached_property
    def segments(self) -> SavedSegments:
        from chalicelib.storage.segments import SavedSegments

        return SavedSegments(clock=self.clock)

    @cached_property
    def uploads(self) -> Uploads:
        from chalicelib.campaigns.list_uploads import Uploads

        return Uploads(
            self.s3,
            account=lambda: self.sts.get_caller_identity()["Account"],
            prefix=self.settings.resource("lists"),
        )

    @cached_property
    def list_loader(self) -> ListLoader:
        from chalicelib.campaigns.list_loader import ListLoader

        return ListLoader(lists=self.lists, uploads=self.uploads)

    @cached_property
    def sources(self) -> Sources:
        from chalicelib.campaigns.audience_sources import Sources
        from chalicelib.campaigns.letter_activity import LetterActivity
        from chalicelib.campaigns.list_members import ListMembers

        return Sources(
            directory=self.directory,
            addresses_here=self.profile_source is self.directory,
            lists=self.lists,
            members=ListMembers(),
            segments=self.segments,
            runs=self.runs,
            activity=LetterActivity(runs=self.runs, owner=self.address_hashes.owner),
            default_zone=self.settings.default_timezone,
        )

    @cached_property
    def held_chunks(self) -> HeldChunks:
        from chalicelib.storage.held_chunks import HeldChunks

        return HeldChunks(clock=self.clock, retention_days=self.settings.retention_days)

    @cached_property
    def content_source(self) -> ContentSource:
        from chalicelib.campaigns.content_source import ContentSource

        def session() -> requests.Session:
            from chalicelib.security.outbound_http import guarded_session

            return guarded_session(allow_private=self.settings.private_addresses)

        return ContentSource(session=session, clock=self.monotonic)

    @cached_property
    def halt(self) -> Halt:
        from chalicelib.campaigns.halt import Halt

        return Halt(campaigns=self.campaigns, shards=self.shards)

    @cached_property
    def admission(self) -> ChunkAdmission:
        """What stands before every chunk of a campaign."""
        from chalicelib.campaigns.admission import ChunkAdmission, KnownCampaigns
        from chalicelib.configuration.letter_settings import tag_now
        from chalicelib.storage.rate_limits import RateLimiter

        known = KnownCampaigns(
            clock=self.monotonic,
            switches=self.switches,
            limiter=self.limiter,
            site_tag=tag_now(self.site_settings),
        )
        return ChunkAdmission(
            known=known,
            held=self.held_chunks,
            content=self.content_source,
            ledger=self.ledger,
            retries=self.retries,
            limiter=RateLimiter(clock=self.clock, default_rates=known.rate, block_seconds=0),  # a call is a whole chunk
            provider_limits=self.limiter,
            sleep=self.sleep,
            max_attempts=self.settings.max_attempts,
            retention_days=self.settings.retention_days,
            owner=self.address_hashes.owner,
            halt=lambda: self.halt,
        )

    @cached_property
    def campaign_inputs(self) -> LetterInputs:
        from chalicelib.campaigns.letter_inputs import LetterInputs

        return LetterInputs(
            templates=self.templates,
            site=self.site_settings,
            lists=self.lists,
            segments=self.sources.resolved,
            stage=self.settings,
        )

    @cached_property
    def campaign_files(self) -> CampaignFiles:
        from chalicelib.campaigns.campaign_files import CampaignFiles

        return CampaignFiles(intake=self.attachment_intake, files=self.attachment_files)

    @cached_property
    def approvals(self) -> Approvals:
        from chalicelib.campaigns.approval import Approvals

        return Approvals(campaigns=self.campaigns, inputs=self.campaign_inputs)
