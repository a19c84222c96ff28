"""Who the users are and what they want."""

from functools import cache
from typing import TYPE_CHECKING

from chalicelib.clock import now
from chalicelib.settings import settings
from chalicelib.wiring.control import site_settings
from chalicelib.wiring.signing import address_hashes

if TYPE_CHECKING:
    from chalicelib.pipeline.caps import Caps
    from chalicelib.pipeline.channel_addresses import Addresses
    from chalicelib.pipeline.eligibility import ConsentDesk
    from chalicelib.profiles.address_opt_outs import Mailboxes
    from chalicelib.profiles.address_rows import AddressRows
    from chalicelib.profiles.directory import Directory
    from chalicelib.profiles.preference_sync import Following
    from chalicelib.profiles.preferences import PreferenceStore
    from chalicelib.profiles.profile_source import ProfileSource
    from chalicelib.profiles.suppressions import SuppressionList
    from chalicelib.storage.endpoints import EndpointBook


@cache
def directory() -> "Directory":
    """The user directory."""
    from chalicelib.profiles.directory import Directory

    return Directory(
        clock=now,
        moved=lambda profiles: following().moved(profiles),
        key_of=lambda channel, address: address_rows().key(channel, address),
    )


@cache
def preferences() -> "PreferenceStore":
    """What users said of themselves."""
    from chalicelib.manifest import CHANNELS
    from chalicelib.profiles.preferences import PreferenceStore

    return PreferenceStore(
        channels=tuple(CHANNELS), clock=now, tell=lambda user_id, stated: following().said(user_id, stated)
    )


@cache
def following() -> "Following":
    """Who carries a user's wishes to their addresses."""
    from chalicelib.profiles.preference_sync import Following

    return Following(source=profile_source(), preferences=preferences(), mailboxes=mailboxes())


@cache
def address_rows() -> "AddressRows":
    """What stands against addresses."""
    from chalicelib.profiles.address_rows import AddressRows

    return AddressRows(address_hashes().of)


@cache
def mailboxes() -> "Mailboxes":
    """What readers say of letters to an address."""
    from chalicelib.profiles.address_opt_outs import Mailboxes

    return Mailboxes(rows=address_rows(), clock=now)


@cache
def suppressions() -> "SuppressionList":
    """Addresses that must not be written to."""
    from chalicelib.profiles.suppressions import SuppressionList

    return SuppressionList(rows=address_rows(), clock=now)


@cache
def endpoints() -> "EndpointBook":
    """The users' own endpoints."""
    from chalicelib.storage.endpoints import EndpointBook

    return EndpointBook(clock=now)


@cache
def profile_source() -> "ProfileSource":
    """Where workers read profiles."""
    if settings().profiles_url:
        from chalicelib.profiles.http_source import HttpProfiles

        return HttpProfiles(settings().profiles_url, timeout_seconds=settings().profiles_timeout_seconds)
    return directory()


@cache
def addresses() -> "Addresses":
    """Where people are reached."""
    from chalicelib.pipeline.channel_addresses import Addresses

    return Addresses(endpoints())


@cache
def caps() -> "Caps":
    """How many letters of a category a user gets."""
    from chalicelib.pipeline.caps import Caps

    return Caps(site=site_settings(), clock=now, addresses=address_hashes())


@cache
def consent() -> "ConsentDesk":
    """Who may be written to, and when."""
    from chalicelib.pipeline.eligibility import ConsentDesk

    return ConsentDesk(
        rows=address_rows(),
        clock=now,
        default_zone=settings().default_timezone,
        default_quiet=lambda: site_settings().current().quiet_hours.hours,
    )
