"""A notification's way: intake, ledger, retries, templates, links."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.stage.people import People

if TYPE_CHECKING:
    import requests

    from chalicelib.pipeline.accept import Accept
    from chalicelib.pipeline.attachment_intake import AttachmentIntake
    from chalicelib.pipeline.digest_queue import DigestQueue
    from chalicelib.pipeline.letter_links import LetterLinkMaker
    from chalicelib.pipeline.reconcile import Reconcile
    from chalicelib.pipeline.retry import Retries
    from chalicelib.rendering.render import Renderer
    from chalicelib.rendering.template_store import TemplateStore
    from chalicelib.services.link_visits import LinkVisits
    from chalicelib.storage.attachment_files import AttachmentFiles
    from chalicelib.storage.hourly_stats import HourlyStats
    from chalicelib.storage.ledger import Ledger
    from chalicelib.storage.short_links import ShortLinks


class Notifications(People):
    """What every step of a notification shares."""

    @cached_property
    def templates(self) -> TemplateStore:
        """All templates, shipped and stored."""
        from chalicelib.rendering.template_store import TemplateStore
        from chalicelib.storage.configuration import TemplateVersions

        return TemplateStore(TemplateVersions(clock=self.clock))

    def new_renderer(self) -> Renderer:
        """A renderer with an empty cache, for drafts: they share a version number until one is stored."""
        from chalicelib.manifest import CHANNELS
        from chalicelib.rendering.imprint import Imprint
        from chalicelib.rendering.render import Renderer, Site

        return Renderer(
            channels=CHANNELS,
            site=Site(name=self.settings.site_name, url=self.settings.site_url),
            imprint=lambda: Imprint.of(self.site_settings.current(), default=self.settings.default_locale),
        )

    @cached_property
    def renderer(self) -> Renderer:
        """The renderer of stored versions."""
        return self.new_renderer()

    @cached_property
    def links(self) -> ShortLinks:
        from chalicelib.storage.short_links import ShortLinks

        return ShortLinks(clock=self.clock)

    @cached_property
    def link_maker(self) -> LetterLinkMaker:
        from chalicelib.pipeline.letter_links import LetterLinkMaker

        return LetterLinkMaker(
            public_url=self.settings.public_url,
            signer=self.signer,
            tokens=self.tokens,
            owner=self.address_hashes.owner,
            site=self.site_settings,
            clock=self.clock,
        )

    @cached_property
    def link_visits(self) -> LinkVisits:
        from chalicelib.services.link_visits import LinkVisits

        return LinkVisits(
            links=self.links,
            directory=self.directory,
            site=self.site_settings,
            signer=self.signer,
            ledger=self.ledger,
        )

    @cached_property
    def ledger(self) -> Ledger:
        from chalicelib.storage.ledger import Ledger

        return Ledger(clock=self.clock, retention_days=self.settings.retention_days)

    @cached_property
    def hourly_stats(self) -> HourlyStats:
        from chalicelib.storage.hourly_stats import PLACES, HourlyStats

        return HourlyStats(clock=self.clock, place=int(self.random() * len(PLACES)))

    @cached_property
    def retries(self) -> Retries:
        from chalicelib.pipeline.retry import Retries

        return Retries(
            queues=self.queues, clock=self.clock, jitter=self.random, base_seconds=self.settings.retry_seconds
        )

    @cached_property
    def reconcile(self) -> Reconcile:
        from chalicelib.pipeline.reconcile import Reconcile

        return Reconcile(
            ledger=self.ledger,
            retries=self.retries,
            clock=self.clock,
            reconcile_seconds=self.settings.reconcile_seconds,
        )

    @cached_property
    def attachment_files(self) -> AttachmentFiles:
        """The files that letters carry."""
        from chalicelib.storage.attachment_files import AttachmentFiles

        return AttachmentFiles(
            self.s3,
            account=lambda: self.sts.get_caller_identity()["Account"],
            prefix=self.settings.resource("files"),
        )

    @cached_property
    def attachment_intake(self) -> AttachmentIntake:
        from chalicelib.pipeline.attachment_intake import AttachmentIntake

        private = self.settings.private_addresses

        def session() -> requests.Session:
            from chalicelib.security.outbound_http import guarded_session

            return guarded_session(allow_private=private)

        return AttachmentIntake(
            files=self.attachment_files,
            session=session,
            private_addresses=private,
            clock=self.clock,
            retention_days=self.settings.retention_days,
        )

    @cached_property
    def accept(self) -> Accept:
        from chalicelib.pipeline.accept import Accept

        return Accept(
            templates=self.templates,
            renderer=lambda: self.renderer,
            site=self.site_settings,
            queues=self.queues,
            clock=self.clock,
            retention_days=self.settings.retention_days,
            owner=self.address_hashes.owner,
            attachments=lambda: self.attachment_intake,
        )

    @cached_property
    def digest_queue(self) -> DigestQueue:
        from chalicelib.pipeline.digest_queue import DigestQueue

        return DigestQueue(
            queues=self.queues,
            ledger=self.ledger,
            clock=self.clock,
            default_zone=self.settings.default_timezone,
            default_locale=self.settings.default_locale,
        )
