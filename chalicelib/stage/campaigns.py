"""Campaigns as workers run them: audiences, runs, fan-out, admission of chunks."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.stage.notifications import Notifications

if TYPE_CHECKING:
    import requests

    from chalicelib.campaigns.admission import Admission
    from chalicelib.campaigns.approval import Approvals
    from chalicelib.campaigns.content_source import ContentSource
    from chalicelib.campaigns.fanout import Fanout
    from chalicelib.campaigns.generator import Generator
    from chalicelib.campaigns.halt import Halt
    from chalicelib.campaigns.held_chunks import Parking
    from chalicelib.campaigns.letter_inputs import CampaignInputs
    from chalicelib.campaigns.list_loader import ListLoader
    from chalicelib.campaigns.recipient_sources import Sources
    from chalicelib.campaigns.refusal_pause import RunRefusals
    from chalicelib.campaigns.runs import Runs
    from chalicelib.campaigns.store import CampaignStore
    from chalicelib.campaigns.uploads import S3Uploads
    from chalicelib.storage.recipient_lists import RecipientLists


class Campaigns(Notifications):
    """What makes and runs campaigns."""

    @cached_property
    def campaigns(self) -> CampaignStore:
        from chalicelib.campaigns.store import CampaignStore

        return CampaignStore(clock=self.clock)

    @cached_property
    def lists(self) -> RecipientLists:
        from chalicelib.storage.recipient_lists import RecipientLists

        return RecipientLists(clock=self.clock)

    @cached_property
    def uploads(self) -> S3Uploads:
        from chalicelib.campaigns.uploads import S3Uploads

        return S3Uploads(
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
        from chalicelib.campaigns.recipient_sources import Sources

        return Sources(directory=self.directory, lists=self.lists, default_zone=self.settings.default_timezone)

    @cached_property
    def held_chunks(self) -> Parking:
        from chalicelib.campaigns.held_chunks import Parking

        return Parking(clock=self.clock, retention_days=self.settings.retention_days)

    @cached_property
    def content_source(self) -> ContentSource:
        from chalicelib.campaigns.content_source import ContentSource

        def session() -> requests.Session:
            from chalicelib.security.outbound_http import guarded_session

            return guarded_session(allow_private=self.settings.private_addresses)

        return ContentSource(session=session, clock=self.monotonic)

    @cached_property
    def refusal_pause(self) -> RunRefusals:
        from chalicelib.campaigns.refusal_pause import RunRefusals

        return RunRefusals(halt=self.halt)

    @cached_property
    def halt(self) -> Halt:
        from chalicelib.campaigns.halt import Halt

        return Halt(campaigns=self.campaigns)

    @cached_property
    def admission(self) -> Admission:
        """What stands before every chunk of a campaign."""
        from chalicelib.campaigns.admission import Admission, Heads
        from chalicelib.configuration.letter_settings import tag_now
        from chalicelib.storage.rate_limits import Limiter

        heads = Heads(
            clock=self.monotonic,
            switches=self.switches,
            limiter=self.limiter,
            site_tag=tag_now(self.site_settings),
        )
        return Admission(
            heads=heads,
            parking=self.held_chunks,
            content=self.content_source,
            ledger=self.ledger,
            retries=self.retries,
            limiter=Limiter(clock=self.clock, default_rates=heads.rate, block_seconds=0),  # a call is a whole chunk
            provider_limits=self.limiter,
            sleep=self.sleep,
            max_attempts=self.settings.max_attempts,
            retention_days=self.settings.retention_days,
            owner=self.address_hashes.owner,
            refusals=lambda: self.refusal_pause,
        )

    @cached_property
    def campaign_inputs(self) -> CampaignInputs:
        from chalicelib.campaigns.letter_inputs import CampaignInputs

        return CampaignInputs(templates=self.templates, site=self.site_settings, lists=self.lists, stage=self.settings)

    @cached_property
    def approvals(self) -> Approvals:
        from chalicelib.campaigns.approval import Approvals

        return Approvals(campaigns=self.campaigns, inputs=self.campaign_inputs)

    @cached_property
    def runs(self) -> Runs:
        from chalicelib.campaigns.run_planner import RunPlanner
        from chalicelib.campaigns.runs import Runs

        return Runs(
            planner=RunPlanner(inputs=self.campaign_inputs, sources=self.sources, clock=self.clock),
            parking=self.held_chunks,
            queues=self.queues,
            hours=self.hourly_stats,
            clock=self.clock,
            retention_days=self.settings.retention_days,
        )

    @cached_property
    def fanout(self) -> Fanout:
        from chalicelib.campaigns.fanout import Fanout
        from chalicelib.campaigns.pacing import Publisher
        from chalicelib.storage.rate_limits import Limiter

        turns = Limiter(clock=self.clock, default_rates=lambda _: 1.0, block_seconds=0)
        return Fanout(
            campaigns=self.campaigns,
            runs=self.runs,
            sources=self.sources,
            parking=self.held_chunks,
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
            approvals=self.approvals,
            clock=self.clock,
            default_zone=self.settings.default_timezone,
        )
