"""Which site settings affect a letter or decide who gets it; a test finds a setting that is in neither list."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from chalicelib.configuration.site_settings import SiteSettings
from chalicelib.configuration.site_values import SiteValues
from chalicelib.etags import tag_of

SITE_INPUTS = (
    *("sender", "senders", "mail_domain", "site_host", "allowed_hosts", "redirect_url", "link_days", "caps"),
    *("legal", "logo", "age_mark", "letter_links"),
)
SITE_LEFT_OUT: Mapping[str, str] = {
    "routes": "what it decides of this letter is the input `route`",
    "event_rules": "letters of events belong to no campaign",
    "confirmation_again": "of another letter",
    "account_letters": "of letters outside campaigns",
    "unconfirmed_letters": "of letters outside campaigns",
    "soft_bounces": "what becomes of an address afterwards",
    "test_addresses": "test letters belong to no run",
    "quiet_hours": "a letter waits; neither it nor who gets it is another",
}


def site_fields(values: SiteValues) -> dict[str, Any]:
    """The settings that do."""
    return {name: _plain(getattr(values, name)) for name in SITE_INPUTS}


def site_tag(values: SiteValues) -> str:
    """One digest of those settings: workers compare it with the approved one."""
    return tag_of(site_fields(values))


def tag_now(site: SiteSettings) -> Callable[[], str]:
    """The tag of the settings that this process uses, cached as long as they are."""
    known: list[tuple[SiteValues, str]] = []

    def now() -> str:
        values = site.current()
        if not known or known[0][0] is not values:
            known[:] = [(values, site_tag(values))]
        return known[0][1]

    return now


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return sorted(value) if isinstance(value, frozenset) else value
