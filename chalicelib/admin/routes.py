"""Every route of the managers' pages."""

from chalicelib.admin import (
    account,
    campaign_writing,
    campaigns,
    event_rules,
    keys,
    links,
    lists,
    managers_and_audit,
    overview,
    sign_in,
    site_settings,
    subsystems,
    suppressions,
    templates,
    users,
)

BLUEPRINTS = tuple(
    module.routes
    for module in (
        *(sign_in, account, overview, campaigns, campaign_writing, lists, templates, links),
        *(users, suppressions, subsystems, site_settings, event_rules, keys, managers_and_audit),
    )
)
