"""`/v1/live` and the inbox over HTTP."""

import pytest

from chalicelib.accounts.api_keys import Scope
from chalicelib.channels.live import Notice
from chalicelib.stage.app import Stage
from tests.integration.api.gateway import Gateway, gateway


def announce(user_id: str, count: int) -> None:
    content = {"title": "t", "body": "b", "url": "https://cinema.example", "template": "promo", "category": "marketing"}
    Stage.own().announce.announce([Notice(f"n-{n}", user_id, content) for n in range(count)])


def test_a_service_gets_a_ticket_for_its_user(api: Gateway) -> None:
    told = api.post("/v1/live/tickets", {"user_id": "anna"})
    assert told.status == 200
    assert told.body["url"] == f"wss://live.cinema.example?ticket={told.body['ticket']}"
    assert Stage.own().tickets.redeem(told.body["ticket"]) == "anna"


@pytest.mark.parametrize("body", [{}, {"user_id": ""}, {"user_id": 5}, {"user_id": "a", "more": 1}])
def test_a_wrong_body_is_named(api: Gateway, body: object) -> None:
    assert api.post("/v1/live/tickets", body).status == 422


def test_a_key_needs_the_scopes(stage: None) -> None:
    other = gateway(Scope.SEND)
    assert other.post("/v1/live/tickets", {"user_id": "anna"}).status == 403
    assert other.get("/v1/users/anna/inbox").status == 403
    assert other.post("/v1/users/anna/inbox/read", {"all": True}).status == 403


def test_the_inbox_is_paged_newest_first(api: Gateway) -> None:
    announce("anna", 5)
    first = api.get("/v1/users/anna/inbox", limit="3").body
    second = api.get("/v1/users/anna/inbox", limit="3", cursor=first["cursor"]).body
    assert [entry["cursor"] for entry in first["entries"] + second["entries"]] == ["5", "4", "3", "2", "1"]
    assert (second["cursor"], second["unread"]) == (None, 5)


def test_the_inbox_of_somebody_to_whom_nothing_was_sent_is_empty(api: Gateway) -> None:
    assert api.get("/v1/users/nobody/inbox").body == {"entries": [], "unread": 0, "cursor": None}


def test_a_cursor_opens_no_other_inbox(api: Gateway) -> None:
    announce("anna", 2)
    cursor = api.get("/v1/users/anna/inbox", limit="1").body["cursor"]
    assert api.get("/v1/users/boris/inbox", cursor=cursor).status == 422


def test_reading_answers_with_what_is_left(api: Gateway) -> None:
    announce("anna", 3)
    assert api.post("/v1/users/anna/inbox/read", {"ids": ["n-0", "n-0"]}).body == {"unread": 2}
    assert api.post("/v1/users/anna/inbox/read", {"all": True}).body == {"unread": 0}
    assert [entry["read"] for entry in api.get("/v1/users/anna/inbox").body["entries"]] == [True, True, True]


@pytest.mark.parametrize("body", [{}, {"ids": []}, {"ids": ["a"], "all": True}, {"all": False}, {"all": "yes"}])
def test_reading_wants_ids_or_all(api: Gateway, body: object) -> None:
    assert api.post("/v1/users/anna/inbox/read", body).status == 422


def test_an_export_holds_the_inbox_and_an_erasure_empties_it(api: Gateway) -> None:
    api.put("/v1/users/anna", {"name": "Анна"})
    announce("anna", 2)
    assert [entry["id"] for entry in Stage.own().personal_data.export("anna")["live"]["inbox"]] == ["n-0", "n-1"]
    assert api.delete("/v1/users/anna").status == 204
    assert api.get("/v1/users/anna/inbox").body["entries"] == []
