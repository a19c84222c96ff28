"""The whole stage: everything that workers run, plus what the API, the managers' pages and the public pages need."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.stage.accounts import Accounts
from chalicelib.stage.campaign_commands import CampaignCommandParts
from chalicelib.stage.live_api import LiveApi
from chalicelib.stage.run_reading import RunReading

if TYPE_CHECKING:
    import requests

    from chalicelib.flow.dead_letters import DeadLetters, QueueDepths
    from chalicelib.services.confirmation import ConfirmationLetters, LinkRenewal
    from chalicelib.services.endpoint_registration import EndpointRegistration
    from chalicelib.services.event_intake import EventIntake
    from chalicelib.services.letter_checks import LetterChecks
    from chalicelib.services.letter_view import LetterView
    from chalicelib.services.operator_actions import OperatorActions
    from chalicelib.services.personal_data import AddressData, OwnedNotifications, PersonalData
    from chalicelib.services.settings_changes import SettingsChanges
    from chalicelib.services.template_changes import TemplateChanges


class Stage(Accounts, RunReading, CampaignCommandParts, LiveApi):
    """The whole service; each part can be replaced: `Stage(clock=..., channels={...}, sqs=...)`."""

    @cached_property
    def dead_letters(self) -> DeadLetters:
        from chalicelib.flow.dead_letters import DeadLetters

        return DeadLetters(self.queues, monotonic=self.monotonic, taken=self.queue_depths.forget)

    @cached_property
    def queue_depths(self) -> QueueDepths:
        from chalicelib.flow.dead_letters import QueueDepths

        return QueueDepths(self.queues, monotonic=self.monotonic)

    @cached_property
    def letter_view(self) -> LetterView:
        from chalicelib.pipeline.compose import Composer
        from chalicelib.services.letter_view import LetterView

        return LetterView(
            composer=Composer(templates=self.templates, renderer=self.renderer, link_maker=self.link_maker),
            source=self.profile_source,
            runs=self.runs,
            owner=self.address_hashes.owner,
            clock=self.clock,
            default_locale=self.settings.default_locale,
        )

    @cached_property
    def operator_actions(self) -> OperatorActions:
        from chalicelib.configuration.letter_settings import site_tag
        from chalicelib.services.operator_actions import OperatorActions

        return OperatorActions(
            ledger=self.ledger,
            campaigns=self.campaigns,
            runs=self.runs,
            queues=self.queues,
            dead_letters=self.dead_letters,
            site_tag=lambda: site_tag(self.site_settings.current(fresh=True)),
        )

    @cached_property
    def event_intake(self) -> EventIntake:
        from chalicelib.services.event_intake import EventIntake

        return EventIntake(
            site=self.site_settings,
            directory=self.directory,
            templates=self.templates,
            accept=self.accept,
            clock=self.clock,
            retention_days=self.settings.retention_days,
        )

    @cached_property
    def confirmation_letters(self) -> ConfirmationLetters:
        from chalicelib.services.confirmation import ConfirmationLetters

        return ConfirmationLetters(
            directory=self.directory,
            accept=self.accept,
            allowances=self.allowances,
            site=self.site_settings,
            addresses=self.address_hashes,
        )

    @cached_property
    def settings_changes(self) -> SettingsChanges:
        from chalicelib.services.settings_changes import Proposals, SettingsChanges

        two_managers = self.settings.campaign_approval
        return SettingsChanges(
            site=self.site_settings,
            events=self.event_intake,
            confirmations=self.confirmation_letters,
            proposals=Proposals(site=self.site_settings, clock=self.clock) if two_managers else None,
        )

    @cached_property
    def template_changes(self) -> TemplateChanges:
        from chalicelib.manifest import CHANNELS
        from chalicelib.services.template_changes import TemplateChanges, TemplateImpact

        return TemplateChanges(
            templates=self.templates,
            impact=TemplateImpact(
                site=self.site_settings, campaigns=self.campaigns, clock=self.clock, renderer=self.new_renderer()
            ),
            new_renderer=self.new_renderer,
            channels=CHANNELS,
            drafts=self.draft_allowance,
        )

    @cached_property
    def letter_checks(self) -> LetterChecks:
        from chalicelib.manifest import CHANNELS
        from chalicelib.services.letter_checks import LetterChecks
        from chalicelib.services.link_check import SECONDS, LinkCheck
        from chalicelib.services.spam_score import SpamFilter

        def session() -> requests.Session:
            from chalicelib.security.outbound_http import guarded_session

            return guarded_session(allow_private=self.settings.private_addresses, step_seconds=SECONDS)

        url = self.settings.spam_filter_url
        return LetterChecks(
            changes=self.template_changes,
            new_renderer=self.new_renderer,
            channels=CHANNELS,
            links=LinkCheck(session=session, monotonic=self.monotonic, ours=self.settings.public_url),
            drafts=self.draft_allowance,
            spam=SpamFilter(url, sender=self.settings.mail_from) if url else None,
        )

    @cached_property
    def endpoint_registration(self) -> EndpointRegistration:
        from chalicelib.services.endpoint_registration import EndpointRegistration

        return EndpointRegistration(
            book=self.endpoints,
            directory=self.directory,
            sns=lambda: self.sns,
            platforms={"ios": self.settings.push_ios, "android": self.settings.push_android},
            chat_kinds=self.settings.chat_kinds.split(),
            private_addresses=self.settings.private_addresses,
        )

    @cached_property
    def link_renewal(self) -> LinkRenewal:
        from chalicelib.services.confirmation import LinkRenewal

        return LinkRenewal(
            accept=lambda: self.accept,
            source=self.profile_source,
            tokens=self.tokens,
            allowances=self.allowances,
            owner=self.address_hashes.owner,
            url=self.settings.public_url,
            clock=self.clock,
        )

    @cached_property
    def owned_notifications(self) -> OwnedNotifications:
        from chalicelib.services.personal_data import OwnedNotifications

        return OwnedNotifications(history=self.history)

    @cached_property
    def address_data(self) -> AddressData:
        from chalicelib.services.personal_data import AddressData
        from chalicelib.storage.list_addresses import ListAddresses

        return AddressData(
            notifications=self.owned_notifications,
            links=self.links,
            suppressions=self.suppressions,
            mailboxes=self.address_opt_outs,
            lists=ListAddresses(),
            caps=self.caps,
            hashes=self.address_hashes,
        )

    @cached_property
    def personal_data(self) -> PersonalData:
        from chalicelib.live.user_data import LivePart
        from chalicelib.services.personal_data import PersonalData

        return PersonalData(
            notifications=self.owned_notifications,
            links=self.links,
            addresses=self.address_data,
            mailboxes=self.address_opt_outs,
            preferences=self.preferences,
            caps=self.caps,
            digests=self.digest_queue,
            endpoints=self.endpoint_registration,
            live=LivePart(inbox=self.inbox, people=self.live_people, connections=self.connections, poster=self.poster),
            directory=self.directory,
            sole=self.sole_users,
        )


stage = Stage.own
