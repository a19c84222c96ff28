"""Every route of the HTTPS API."""

from chalicelib.api import (
    addresses,
    campaign_moves,
    campaigns,
    control,
    dead_letters,
    events,
    links,
    lists,
    live,
    live_demo,
    meta,
    notifications,
    preferences,
    site_settings,
    suppressions,
    templates,
    user_endpoints,
    users,
)

BLUEPRINTS = tuple(
    module.routes
    for module in (
        *(meta, control, dead_letters, notifications, templates, users, user_endpoints, live, live_demo),
        *(campaigns, campaign_moves, lists),
        *(events, preferences, addresses, site_settings, suppressions, links),
    )
)
