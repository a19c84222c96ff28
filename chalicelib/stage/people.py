"""Who the users are, what they want, where they are reached."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.stage.flow import Flow

if TYPE_CHECKING:
    from chalicelib.pipeline.eligibility import Eligibility
    from chalicelib.pipeline.reach import Addresses
    from chalicelib.profiles.address_opt_outs import AddressOptOuts, PreferenceSync
    from chalicelib.profiles.directory import Directory
    from chalicelib.profiles.model import ProfileSource
    from chalicelib.profiles.preferences import PreferenceStore
    from chalicelib.profiles.suppressions import SuppressionList
    from chalicelib.storage.endpoints import Endpoints
    from chalicelib.storage.frequency_caps import FrequencyCaps
    from chalicelib.storage.sole_users import SoleUsers


class People(Flow):
    """Profiles, preferences and addresses."""

    @cached_property
    def directory(self) -> Directory:
        from chalicelib.profiles.directory import Directory

        return Directory(
            clock=self.clock,
            moved=lambda profiles: self.preference_sync.moved(profiles),
            key_of=lambda channel, address: self.address_hashes.key(channel, address),
            sole=self.sole_users,
        )

    @cached_property
    def sole_users(self) -> SoleUsers:
        from chalicelib.storage.sole_users import SoleUsers

        return SoleUsers(clock=self.clock)

    @cached_property
    def preferences(self) -> PreferenceStore:
        from chalicelib.profiles.preferences import PreferenceStore

        return PreferenceStore(
            clock=self.clock, tell=lambda user_id, stated: self.preference_sync.said(user_id, stated)
        )

    @cached_property
    def preference_sync(self) -> PreferenceSync:
        from chalicelib.profiles.address_opt_outs import PreferenceSync

        return PreferenceSync(source=self.profile_source, preferences=self.preferences, mailboxes=self.address_opt_outs)

    @cached_property
    def address_opt_outs(self) -> AddressOptOuts:
        from chalicelib.profiles.address_opt_outs import AddressOptOuts

        return AddressOptOuts(hashes=self.address_hashes, clock=self.clock)

    @cached_property
    def suppressions(self) -> SuppressionList:
        from chalicelib.profiles.suppressions import SuppressionList

        return SuppressionList(hashes=self.address_hashes, clock=self.clock)

    @cached_property
    def endpoints(self) -> Endpoints:
        from chalicelib.storage.endpoints import Endpoints

        return Endpoints(clock=self.clock)

    @cached_property
    def profile_source(self) -> ProfileSource:
        """Where workers read profiles: the site's own API where the stage has its address."""
        if self.settings.profiles_url:
            from chalicelib.profiles.http_source import HttpProfiles

            return HttpProfiles(self.settings.profiles_url, timeout_seconds=self.settings.profiles_timeout_seconds)
        return self.directory

    @cached_property
    def addresses(self) -> Addresses:
        from chalicelib.pipeline.reach import Addresses

        return Addresses(endpoints=self.endpoints)

    @cached_property
    def caps(self) -> FrequencyCaps:
        from chalicelib.storage.frequency_caps import FrequencyCaps

        return FrequencyCaps(clock=self.clock)

    @cached_property
    def eligibility(self) -> Eligibility:
        from chalicelib.pipeline.eligibility import Eligibility

        return Eligibility(
            hashes=self.address_hashes,
            clock=self.clock,
            default_zone=self.settings.default_timezone,
            site=self.site_settings,
        )
