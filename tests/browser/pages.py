"""Every page of the managers, by its route, with an address at which there is something to see. The gaps are filled by
`test_every_admin_page.py`; `tests/integration/admin/test_pages.py` knows that none is missing."""

from collections.abc import Mapping

PAGES: Mapping[str, str] = {
    "/admin": "",
    "/admin/account": "/account",
    "/admin/attention": "/attention",
    "/admin/audit": "/audit",
    "/admin/campaigns": "/campaigns",
    "/admin/campaigns/new": "/campaigns/new?template=promo",
    "/admin/campaigns/{id}": "/campaigns/{campaign}",
    "/admin/campaigns/{id}/check": "/campaigns/{campaign}/check",
    "/admin/campaigns/{id}/checks": "/campaigns/{campaign}/checks",
    "/admin/campaigns/{id}/edit": "/campaigns/{campaign}/edit",
    "/admin/campaigns/{id}/pace": "/campaigns/{campaign}/pace",
    "/admin/campaigns/{id}/recipients": "/campaigns/{ran}/recipients",
    "/admin/dead-letters": "/dead-letters",
    "/admin/dead-letters/{queue}": "/dead-letters/deliver-email",
    "/admin/event-rules": "/event-rules",
    "/admin/event-rules/new": "/event-rules/new",
    "/admin/event-rules/{event}": "/event-rules/user.registered",
    "/admin/keys": "/keys",
    "/admin/links": "/links?campaign={campaign}",
    "/admin/links/{code}": "/links/{code}",
    "/admin/lists": "/lists",
    "/admin/lists/{id}": "/lists/{list}",
    "/admin/managers": "/managers",
    "/admin/media": "/media",
    "/admin/media/pick": "/media/pick",
    "/admin/media/{id}": "/media/{picture}",
    "/admin/managers/{name}/sessions": "/managers/admin/sessions",
    "/admin/notifications": "/notifications",
    "/admin/notifications/{id}": "/notifications/{notification}",
    "/admin/settings": "/settings",
    "/admin/subsystems": "/subsystems",
    "/admin/suppressions": "/suppressions",
    "/admin/templates": "/templates",
    "/admin/templates/new": "/templates/new",
    "/admin/templates/{key}": "/templates/promo",
    "/admin/templates/{key}/checks": "/templates/promo/checks",
    "/admin/users": "/users?id=screen-1",
    "/admin/users/{id}": "/users/screen-1",
}
OF_BLOCKS = {"/admin/templates/{key}/blocks": "/templates/premiere"}  # the same page of a letter in the block editor
FRAMES = ("/admin/campaigns/{id}/letter", "/admin/templates/{key}/letter")  # a letter alone, inside a frame of its page
