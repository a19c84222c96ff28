"""Every route of the HTTPS API: a module's import registers its own."""

from chalicelib.api import (  # noqa: F401
    addresses,
    campaign_moves,
    campaigns,
    control,
    dead_letters,
    events,
    files,
    letter_checks,
    links,
    lists,
    live,
    live_demo,
    media,
    meta,
    notifications,
    preferences,
    run_recipients,
    site_settings,
    suppressions,
    templates,
    user_endpoints,
    users,
)
from chalicelib.api.declarations import routes

__all__ = ["routes"]
