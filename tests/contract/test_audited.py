"""Every API route and page declares what it records in the audit: a new one fails here until it does."""

import pytest

from app import app  # noqa: TID251  (here is who calls it)
from chalicelib.admin.views import REGISTERED
from chalicelib.api.audit_policy import ABOUT, About, Watch, watch_of
from chalicelib.api.declarations import ENDPOINTS

# Pages that show nothing of persons: figures, campaigns, settings, the managers' own affairs. What is personal and not
# here names the audit's word of a look at it (`shows`).
IMPERSONAL = {
    "/admin",
    "/admin/account",
    "/admin/attention",
    "/admin/audit",
    "/admin/calendar",
    "/admin/campaigns",
    "/admin/campaigns/chosen",
    "/admin/campaigns/compare",
    "/admin/campaigns/trends",
    "/admin/campaigns/new",
    "/admin/campaigns/{id}",
    "/admin/campaigns/{id}/checks",
    "/admin/campaigns/{id}/edit",
    "/admin/campaigns/{id}/experiment",
    "/admin/campaigns/{id}/exports",
    "/admin/campaigns/{id}/pace",
    "/admin/dead-letters",
    "/admin/dead-letters/{queue}",
    "/admin/event-rules",
    "/admin/event-rules/new",
    "/admin/event-rules/{event}",
    "/admin/keys",
    "/admin/lists",
    "/admin/managers",
    "/admin/managers/{name}/sessions",
    "/admin/media",
    "/admin/media/pick",
    "/admin/media/{id}",
    "/admin/segments",
    "/admin/segments/new",
    "/admin/segments/{id}",
    "/admin/settings",
    "/admin/subsystems",
    "/admin/templates",
    "/admin/templates/new",
    "/admin/templates/{key}",
    "/admin/templates/{key}/checks",
    "/admin/templates/{key}/sample",
}
# What a service does for its users all day: the ledger and the timeline report it.
TRAFFIC = {
    "send_notifications",
    "create_file",
    "cancel_notification",
    "tell_event",
    "create_live_ticket",
    "read_user_inbox",
}
# Reads without personal data.
OF_THINGS = {
    "campaign_calendar",
    "get_attention",
    "compare_campaigns",
    "get_campaign",
    "get_campaign_trends",
    "get_consumer",
    "get_control",
    "get_dead_letters",
    "get_experiment",
    "get_limit",
    "get_list",
    "get_segment",
    "list_segments",
    "get_media",
    "get_setting",
    "get_switch",
    "get_template",
    "list_campaign_versions",
    "list_campaigns",
    "list_lists",
    "list_media",
    "list_settings",
}
# Doors, and what a browser alone is told: sign-in and its refusals have their lines in `admin/sign_in.py`.
OF_THE_DOOR = {"/admin/sign-in", "/admin/look", "/admin/static/{version}/{name}"}


def test_every_scope_says_what_its_calls_are_about() -> None:
    """A wider scope is asked for beside that of the call, never alone."""
    assert set(ABOUT) == {one.scope for one in ENDPOINTS}
    reading = {scope for scope in ABOUT if ABOUT[scope] in (About.PERSONS, About.THINGS)}
    assert reading == {scope for scope in ABOUT if scope.endswith(":read")}


def test_every_call_is_an_act_or_a_look_unless_it_is_known_to_be_neither() -> None:
    unwatched = {one.operation for one in ENDPOINTS if watch_of(one.method, one.scope) is Watch.NOTHING}
    assert unwatched == TRAFFIC | OF_THINGS


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_what_replaces_changes_or_removes_is_an_act(method: str) -> None:
    for one in ENDPOINTS:
        if one.method == method:
            assert watch_of(one.method, one.scope) is Watch.ACT, one.operation


def test_every_page_is_a_look_at_persons_or_known_to_show_none() -> None:
    pages = {route.path for route in REGISTERED if route.method == "GET" and route.shows is None}
    assert pages == IMPERSONAL


def test_every_route_of_a_door_goes_through_its_frame() -> None:
    """No route of the API or of the managers' pages is registered past `endpoint`, `page`, `action` and `preview`."""
    framed = {(one.method, one.path) for one in ENDPOINTS} | {(one.method, one.path) for one in REGISTERED}
    routes = {
        (method, path)
        for path, methods in app.routes.items()
        for method in methods
        if path.startswith(("/v1/", "/admin")) and path not in OF_THE_DOOR
    }
    assert routes == framed
