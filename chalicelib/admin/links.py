"""One short link: its visits, and revoking it. A campaign's links are on the page of its results."""

from chalicelib.accounts.managers import Role
from chalicelib.admin.templating import Go, Page
from chalicelib.admin.views import Visit, action, page
from chalicelib.stage.app import stage


@page("/admin/links/{code}", shows="link.look")
def one_link(visit: Visit) -> Page:
    """Whose it is, until when it works, and its visits."""
    return Page("link", {"link": stage().links.get(visit.path["code"])})


@action("/admin/links/{code}/revoke", role=Role.OPERATOR, does="link.revoke", again=one_link)
def revoke_link(visit: Visit) -> Go:
    """From now on its visitors get a 404 page."""
    stage().links.revoke(visit.path["code"])
    return Go(f"/admin/links/{visit.path['code']}", done="revoked")
