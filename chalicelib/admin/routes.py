"""Every route of the managers' pages: a module's import registers its own."""

from chalicelib.admin import (  # noqa: F401
    account,
    calendar_page,
    campaign_attachments,
    campaign_bulk,
    campaign_desk,
    campaign_figures,
    campaign_letter,
    campaign_tests,
    campaign_writing,
    campaigns,
    event_rules,
    experiments,
    keys,
    letter_checks,
    letter_start,
    links,
    list_columns,
    lists,
    managers_and_audit,
    media,
    overview,
    run_exports,
    run_recipients,
    run_report,
    segments,
    sign_in,
    site_settings,
    subsystems,
    suppressions,
    templates,
    users,
    why,
)
from chalicelib.admin.page_requests import routes

__all__ = ["routes"]
