"""Every route of the HTTPS API: a module's import registers its own."""

from chalicelib.api import (  # noqa: F401
    addresses,
    campaign_calendar,
    campaign_desk,
    campaign_figures,
    campaign_moves,
    campaigns,
    control,
    dead_letters,
    events,
    experiments,
    files,
    health,
    letter_checks,
    links,
    list_looks,
    lists,
    live,
    live_demo,
    media,
    meta,
    notifications,
    preferences,
    run_exports,
    run_recipients,
    run_report,
    segments,
    site_settings,
    suppressions,
    templates,
    user_endpoints,
    users,
    why,
)
from chalicelib.api.declarations import routes

__all__ = ["routes"]
