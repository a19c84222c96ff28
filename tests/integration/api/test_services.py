"""Services apart: what one service asked for is, for another, not there; a scope for all services reaches it."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.accounts.api_keys import Scope, create_key
from chalicelib.clock import new_id
from chalicelib.stage.app import Stage
from chalicelib.storage.enlisting import record_notifications
from chalicelib.storage.notifications import read_notification
from chalicelib.storage.rows.campaigns import HEAD_PART, CampaignRow, ListRow
from chalicelib.storage.rows.links import LinkRow
from tests.integration.api.gateway import PROMO, Gateway, Reply, stored_rows
from tests.integration.campaigns.conftest import Desk, clock, desk, office  # noqa: F401 - fixtures
from tests.integration.conftest import Pump, messages_in

OF_ALL = frozenset(scope for scope in Scope if scope.widens)
ANNA = {"email": "anna@viewers.example", "name": "Anna", "locale": "en"}
CAMPAIGN: dict[str, Any] = {"name": "Spring", **PROMO, "audience": {"everyone": True}}
HOOK = {"channel": "webhook", "url": "https://partner.example/hook"}
NOBODYS = new_id()


def service(name: str, *more: Scope) -> Gateway:
    """A key of a service that may do everything with what is its own."""
    return Gateway(create_key(name, [*(scope for scope in Scope if scope not in OF_ALL), *more]))


@pytest.fixture
def shop(stage: None) -> Gateway:
    return service("shop")


@pytest.fixture
def player(stage: None) -> Gateway:
    """Another service."""
    return service("player")


def letter(api: Gateway) -> str:
    api.put("/v1/users/anna", ANNA)
    sent = api.post("/v1/notifications", {**PROMO, "recipients": [{"user_id": "anna"}]})
    return str(sent.body["notifications"][0]["id"])


def campaign(api: Gateway, **changes: Any) -> str:
    return str(api.post("/v1/campaigns", {**CAMPAIGN, **changes}).body["id"])


def uploaded(api: Gateway) -> str:
    return str(api.post("/v1/lists", {"name": "Subscribers"}).body["id"])


def ready_list(api: Gateway) -> str:
    row = ListRow.get(uploaded(api), "head")
    row.update(actions=[ListRow.state.set("ready"), ListRow.row_count.set(1)])
    return str(row.list_id)


def link(api: Gateway) -> str:
    """A link of a letter of its own."""
    told = {"type": "user.registered", "id": new_id(), "user": {"id": "anna", **ANNA}}
    assert api.post("/v1/events", told).status == 202
    Pump().run()
    return max(LinkRow.scan(), key=lambda row: str(row.created_at)).code


THINGS: dict[str, tuple[Callable[[Gateway], str], list[tuple[str, str, Any]]]] = {
    "a letter": (
        letter,
        [("GET", "/v1/notifications/{id}", None), ("POST", "/v1/notifications/{id}/cancel", None)],
    ),
    "a link": (link, [("GET", "/v1/links/{id}", None), ("DELETE", "/v1/links/{id}", None)]),
    "a list": (
        uploaded,
        [("GET", "/v1/lists/{id}", None), ("POST", "/v1/lists/{id}/load", None), ("DELETE", "/v1/lists/{id}", None)],
    ),
    "a campaign": (
        campaign,
        [
            ("GET", "/v1/campaigns/{id}", None),
            ("PATCH", "/v1/campaigns/{id}", {"name": "Mine"}),
            ("GET", "/v1/campaigns/{id}/versions", None),
            ("GET", "/v1/campaigns/{id}/results", None),
            ("POST", "/v1/campaigns/{id}/preview", None),
            ("POST", "/v1/campaigns/{id}/test", {"recipients": [{"user_id": "anna"}]}),
            *(
                ("POST", f"/v1/campaigns/{{id}}/{verb}", None)
                for verb in ("start", "pause", "resume", "cancel", "canary/release", "resend")
            ),
        ],
    ),
}
CALLS = [(thing, *call) for thing, (_, calls) in THINGS.items() for call in calls]


def world() -> tuple[str, int]:
    return str(sorted(str(row.serialize()) for row in stored_rows())), messages_in("load") + messages_in("fanout")


def like(reply: Reply, id_: str) -> tuple[int, Any, str | None]:
    """An answer without the id that was asked for."""
    return reply.status, reply.text.replace(id_, "?"), reply.headers.get("etag")


def is_there(reply: Reply) -> bool:
    """A campaign that is there may have no run to send once more."""
    no_run = ("no such finished run", "the campaign has no run yet")
    return reply.status not in (403, 404) or any(one in reply.text for one in no_run)


@pytest.mark.parametrize(("thing", "method", "path", "body"), CALLS)
def test_what_another_service_asked_for_is_answered_as_what_never_was(
    shop: Gateway, player: Gateway, thing: str, method: str, path: str, body: Any
) -> None:
    """Promise I6."""
    made = THINGS[thing][0](shop)
    before = world()

    for headers in ({}, {"if-match": '"0123456789abcdef"'}, {"if-match": "*"}):
        foreign = player.call(method, path.format(id=made), body, headers=headers)
        never = player.call(method, path.format(id=NOBODYS), body, headers=headers)
        assert like(foreign, made) == like(never, NOBODYS)
        assert foreign.status != 200 or foreign.body == {"totals": []}
    assert world() == before
    assert is_there(shop.call(method, path.format(id=made), body))


@pytest.mark.parametrize(("thing", "method", "path", "body"), CALLS)
def test_a_new_key_of_the_same_service_goes_on_where_the_old_one_stopped(
    shop: Gateway, thing: str, method: str, path: str, body: Any
) -> None:
    """Promise I6."""
    made = THINGS[thing][0](shop)

    assert is_there(service("shop").call(method, path.format(id=made), body))


@pytest.mark.parametrize(("thing", "method", "path", "body"), CALLS)
def test_a_scope_for_all_services_reaches_what_others_asked_for(
    shop: Gateway, thing: str, method: str, path: str, body: Any
) -> None:
    made = THINGS[thing][0](shop)

    assert is_there(service("support", *OF_ALL).call(method, path.format(id=made), body))


def test_a_scope_for_all_services_alone_opens_no_call(shop: Gateway) -> None:
    made = letter(shop)

    assert Gateway(create_key("support", [Scope.READ_ALL])).get(f"/v1/notifications/{made}").status == 403


def test_whoever_may_read_all_cancels_only_its_own(shop: Gateway) -> None:
    made, reader = letter(shop), service("support", Scope.READ_ALL)

    assert reader.get(f"/v1/notifications/{made}").status == 200
    assert reader.post(f"/v1/notifications/{made}/cancel").status == 404
    assert service("support", Scope.CANCEL_ALL).post(f"/v1/notifications/{made}/cancel").status == 200


def walked(api: Gateway, path: str, of: str, **query: str) -> list[str]:
    """The ids on all pages of a list."""
    found, cursor = list[str](), dict[str, str]()
    while True:
        page = api.get(path, **query, **cursor).body
        found += [one.get("id") or one["code"] for one in page[of]]
        if page["cursor"] is None:
            return found
        cursor = {"cursor": page["cursor"]}


def test_lists_leave_out_what_other_services_asked_for(shop: Gateway, player: Gateway) -> None:
    """Promise I6."""
    own = [letter(player) for _ in range(3)]
    others = [letter(shop) for _ in range(30)]
    everybody = service("support", *OF_ALL)

    for path, query in (("/v1/notifications", {}), ("/v1/users/anna/notifications", {"limit": "5"})):
        assert sorted(walked(player, path, "notifications", **query)) == sorted(own)
        assert sorted(walked(shop, path, "notifications", **query)) == sorted(others)
        assert sorted(walked(everybody, path, "notifications", **query)) == sorted(own + others)


def test_campaigns_of_others_are_not_on_the_list(shop: Gateway, player: Gateway) -> None:
    own, other = campaign(player), campaign(shop)

    assert walked(player, "/v1/campaigns", "campaigns") == [own]
    assert set(walked(service("support", *OF_ALL), "/v1/campaigns", "campaigns")) == {own, other}


def test_the_letters_of_a_campaign_and_their_links_are_its_services(
    desk: Desk,  # noqa: F811
    shop: Gateway,
    player: Gateway,
) -> None:
    shop.put("/v1/users/anna", ANNA)
    made = campaign(shop)
    assert shop.post(f"/v1/campaigns/{made}/start").status == 200
    desk.finish()
    [sent] = walked(shop, "/v1/users/anna/notifications", "notifications")
    assert shop.get(f"/v1/notifications/{sent}").body["campaign_id"] == made
    assert walked(player, "/v1/users/anna/notifications", "notifications") == []
    assert player.get(f"/v1/notifications/{sent}").status == 404
    for n in range(2):
        row: dict[str, Any] = {"campaign_id": made, "created_at": f"2026-11-29T10:0{n}:00.000000Z", "service": "shop"}
        LinkRow(f"code-{n}", kind="short", valid_until="2027-01-01T00:00:00.000000Z", **row).save()
    listed = walked(shop, "/v1/links", "links", campaign_id=made, limit="1")  # the letter has links of its own
    assert [code for code in listed if code.startswith("code-")] == ["code-0", "code-1"]
    assert player.get("/v1/links", campaign_id=made, limit="1").body == {"links": [], "cursor": None}


def test_what_followed_from_an_event_is_the_tellers(shop: Gateway, player: Gateway) -> None:
    told = shop.post("/v1/events", {"type": "user.registered", "id": "r-1", "user": {"id": "anna", **ANNA}})
    followed = told.body["notifications"][0]["id"]

    assert shop.get(f"/v1/notifications/{followed}").status == 200
    assert player.get(f"/v1/notifications/{followed}").status == 404


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_campaign_is_written_for_no_list_of_another_service(shop: Gateway, player: Gateway, method: str) -> None:
    """Promise I6."""
    foreign, excluded = ready_list(shop), campaign(shop)
    path = "/v1/campaigns" if method == "POST" else f"/v1/campaigns/{campaign(player)}"
    before = world()

    def ask(list_id: str, campaign_id: str) -> Reply:
        return player.call(
            method, path, {**CAMPAIGN, "audience": {"list_id": list_id, "exclude_campaigns": [campaign_id]}}
        )

    refused, unknown = ask(foreign, excluded), ask(NOBODYS, NOBODYS)
    assert refused.bad_fields == ["audience.list_id", "audience.exclude_campaigns[0]"]
    assert refused.text.replace(foreign, "?").replace(excluded, "?") == unknown.text.replace(NOBODYS, "?")
    assert world() == before


def test_a_list_that_a_managers_campaign_is_for_is_kept_and_the_campaign_not_named(shop: Gateway, stage: None) -> None:
    own = ready_list(shop)
    other = campaign(service("support", *OF_ALL), audience={"list_id": own})

    refused = shop.delete(f"/v1/lists/{own}")

    assert refused.status == 409
    assert other not in refused.text


def test_an_export_says_what_it_leaves_out(shop: Gateway, player: Gateway) -> None:
    letter(shop)
    guest = {"email": "guest@viewers.example"}
    shop.post("/v1/notifications", {**PROMO, "recipients": [guest]})
    support = service("support", *OF_ALL)

    part, whole = player.get("/v1/users/anna/export").body, support.get("/v1/users/anna/export").body
    assert set(part["data"]) == {"user", "preferences", "suppressions", "endpoints"}
    assert set(part["left_out"]) == set(whole["data"]) - set(part["data"])
    assert whole["left_out"] == []
    assert len(whole["data"]["notifications"]) == 1
    part, whole = (api.post("/v1/addresses/export", guest).body for api in (player, support))
    assert set(part["data"]) == {"suppressions", "objections"}
    assert len(whole["data"]["notifications"]) == 1


def test_the_tries_at_a_webhook_are_told_to_who_asked_for_the_letter(shop: Gateway, player: Gateway) -> None:
    shop.put("/v1/users/anna", ANNA)
    hook = shop.post("/v1/users/anna/endpoints", HOOK).body["id"]
    own, other = letter(player), letter(shop)
    for sent in (own, other):
        Stage.own().endpoints.note("anna", hook, delivery_id=f"{sent}_webhook", outcome="accepted", status=200)
    path = f"/v1/users/anna/endpoints/{hook}/deliveries"

    assert [one["delivery_id"] for one in player.get(path).body["deliveries"]] == [f"{own}_webhook"]
    assert len(service("support", *OF_ALL).get(path).body["deliveries"]) == 2


def test_a_letter_from_before_services_were_told_apart_is_seen_by_who_may_see_all(shop: Gateway) -> None:
    made = letter(shop)
    found = read_notification(made)
    assert found
    record_notifications(found._replace(service=None), [(made, found.recipient, found.owner)])

    assert shop.get(f"/v1/notifications/{made}").status == 404
    assert service("support", *OF_ALL).get(f"/v1/notifications/{made}").status == 200


def test_a_campaign_from_before_is_still_its_keys(shop: Gateway, player: Gateway) -> None:
    made = campaign(shop)
    CampaignRow(made, HEAD_PART).update(actions=[CampaignRow.service.remove()])

    assert shop.get(f"/v1/campaigns/{made}").status == 200
    assert player.get(f"/v1/campaigns/{made}").status == 404


def test_one_idempotency_key_of_two_services_tells_neither_of_the_other(shop: Gateway, player: Gateway) -> None:
    body = {**PROMO, "recipients": [{"email": "anna@viewers.example"}]}
    first = shop.post("/v1/notifications", body, Idempotency_Key="order-1")
    other = player.post("/v1/notifications", {**body, "lane": "bulk"}, Idempotency_Key="order-1")

    assert (first.status, other.status) == (202, 202)
    assert first.body["notifications"][0]["id"] != other.body["notifications"][0]["id"]
