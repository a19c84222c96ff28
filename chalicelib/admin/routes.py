"""Every route of the managers' pages: a module's import registers its own."""

from chalicelib.admin import (  # noqa: F401
    account,
    campaign_attachments,
    campaign_writing,
    campaigns,
    event_rules,
    keys,
    letter_checks,
    letter_start,
    links,
    lists,
    managers_and_audit,
    media,
    overview,
    run_recipients,
    sign_in,
    site_settings,
    subsystems,
    suppressions,
    templates,
    users,
)
from chalicelib.admin.page_requests import routes

__all__ = ["routes"]
