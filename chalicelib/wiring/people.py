"""Who the users are and what they want."""

from functools import cache
from typing import TYPE_CHECKING

from chalicelib.clock import now
from chalicelib.settings import settings
from chalicelib.wiring.control import site_settings

if TYPE_CHECKING:
    from chalicelib.pipeline.consent import ConsentDesk
    from chalicelib.profiles.directory import Directory
    from chalicelib.profiles.preferences import PreferenceStore
    from chalicelib.profiles.source import ProfileSource
    from chalicelib.profiles.suppressions import SuppressionList


@cache
def directory() -> "Directory":
    """The user directory."""
    from chalicelib.profiles.directory import Directory

    return Directory(clock=now)


@cache
def preferences() -> "PreferenceStore":
    """What users said of themselves."""
    from chalicelib.channels.registry import CHANNELS
    from chalicelib.profiles.preferences import PreferenceStore

    return PreferenceStore(channels=tuple(CHANNELS), clock=now)


@cache
def suppressions() -> "SuppressionList":
    """Addresses that must not be written to."""
    from chalicelib.profiles.suppressions import SuppressionList

    return SuppressionList(clock=now)


@cache
def profile_source() -> "ProfileSource":
    """Where workers read profiles."""
    if settings().profiles_url:
        from chalicelib.profiles.http import HttpProfiles

        return HttpProfiles(settings().profiles_url or "", timeout_seconds=settings().profiles_timeout_seconds)
    return directory()


@cache
def consent() -> "ConsentDesk":
    """Who may be written to, and when."""
    from chalicelib.pipeline.consent import ConsentDesk

    return ConsentDesk(
        clock=now,
        default_zone=settings().default_timezone,
        default_quiet=lambda: site_settings().current().quiet_hours.hours,
    )
