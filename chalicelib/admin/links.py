"""Short links: their visits, where a confirmed user goes next, and revoking a link."""

from typing import Any

from chalicelib.accounts.managers import Role
from chalicelib.admin.templating import Go, Page, url
from chalicelib.admin.views import Visit, action, page
from chalicelib.stage.app import stage
from chalicelib.storage.campaign_links import of_campaign, totals

_PAGE, _CAMPAIGNS = 20, 20
_MOST_READ = 2_000  # links added up by target for one page: about 1 MB


@page("/admin/links", shows="link.look")
def link_list(visit: Visit) -> Page:
    """The links of a campaign with their visits by target, and the page after confirmation."""
    campaign = visit.query.get("campaign", "").strip()
    shown: dict[str, Any] = {
        "code": visit.query.get("code", "").strip(),
        "campaign": campaign,
        "campaigns": stage().campaigns.page(limit=_CAMPAIGNS, cursor=None)[0],
        "redirect": next(one for one in stage().site_settings.list() if one.name == "redirect_url"),
        "links": [],
        "totals": [],
        "whole": True,
        "following": None,
    }
    if campaign:
        shown["links"], cursor = of_campaign(campaign, limit=_PAGE, cursor=visit.query.get("cursor"))
        shown["totals"], shown["whole"] = totals(campaign, most=_MOST_READ)
        shown["following"] = url("/admin/links", campaign=campaign, cursor=cursor) if cursor else None
    return Page("links", shown)


@page("/admin/links/{code}", shows="link.look")
def one_link(visit: Visit) -> Page:
    """Whose it is, until when it works, and its visits."""
    return Page("link", {"link": stage().links.get(visit.path["code"])})


@action("/admin/links/{code}/revoke", role=Role.OPERATOR, does="link.revoke", again=one_link)
def revoke_link(visit: Visit) -> Go:
    """From now on its visitors get a 404 page."""
    stage().links.revoke(visit.path["code"])
    return Go(f"/admin/links/{visit.path['code']}", done="revoked")
