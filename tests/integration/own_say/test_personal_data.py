"""One call gives out all that is kept of a user; one call erases it, and what remains are counters."""

import json
from typing import Any

from chalicelib.storage.rows.ledger import LedgerRow, RequestRow
from chalicelib.storage.rows.links import LinkRow
from tests.integration.api.gateway import Gateway, stored_rows, without_hashes
from tests.integration.conftest import Letters, Pump
from tests.integration.own_say.conftest import Person, Register, links_in, outcome, send
from tests.ledgers import every_delivery

RESET = {"reset_url": "https://cinema.example/secret-of-anna", "valid_minutes": 30}
PROMO = {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"}


def a_life(api: Gateway, pump: Pump, letters: Letters, person: Person) -> None:
    """Anna registers, confirms, is written to alone and with Boris, says what she wants, bounces."""
    anna = {"id": "anna", "email": "anna@viewers.example", "name": "Anna Karenina", "locale": "en"}
    api.post("/v1/events", {"type": "user.registered", "id": "e-anna", "user": anna})
    pump.run()
    person.get(links_in(letters()[0])["s"])
    send(api, "password-reset", context=RESET)
    both = [{"user_id": "anna"}, {"user_id": "boris"}]
    api.post("/v1/notifications", {"template": "promo", "recipients": both, "context": PROMO})
    pump.run()
    api.put("/v1/users/anna/preferences", {"categories": {"digest": {"email": False}}})
    api.post("/v1/suppressions", {"address": "anna@viewers.example"})


def test_an_export_holds_all_of_it(
    api: Gateway, register: Register, pump: Pump, letters: Letters, person: Person
) -> None:
    register("boris")
    a_life(api, pump, letters, person)
    told = api.get("/v1/users/anna/export").body

    data: dict[str, Any] = told["data"]
    assert told["user_id"] == "anna"
    assert data["user"]["name"] == "Anna Karenina"
    assert data["preferences"]["categories"] == {"digest": {"email": False}}
    assert {one["template"] for one in data["notifications"]} == {
        "welcome",
        "confirm-reminder",
        "password-reset",
        "promo",
    }
    assert [one["kind"] for one in data["links"]] == ["confirm"]
    assert [one["reason"] for one in data["suppressions"]] == ["by_hand"]
    assert "boris" not in json.dumps(data)


def test_an_export_of_nobody_is_not_found(api: Gateway) -> None:
    assert api.get("/v1/users/nobody/export").status == 404


def test_after_an_erasure_nothing_names_the_user(
    api: Gateway, register: Register, pump: Pump, letters: Letters, person: Person
) -> None:
    register("boris", name="Boris")
    a_life(api, pump, letters, person)
    deliveries = len(every_delivery())

    assert api.delete("/v1/users/anna").status == 204

    left = without_hashes(json.dumps([row.to_simple_dict() for row in stored_rows()], ensure_ascii=False)).lower()
    for word in ("anna", "karenina", "secret-of"):
        assert word not in left, word
    assert len(every_delivery()) == deliveries
    assert api.get("/v1/users/anna/export").status == 404
    assert api.get("/v1/users/anna").status == 404


def test_an_erasure_leaves_others_alone(
    api: Gateway, register: Register, pump: Pump, letters: Letters, person: Person
) -> None:
    register("boris", name="Boris")
    a_life(api, pump, letters, person)
    before = api.get("/v1/users/boris/export").body
    api.delete("/v1/users/anna")

    assert api.get("/v1/users/boris/export").body == before


def test_letters_that_wait_for_an_erased_user_are_not_sent(api: Gateway, pump: Pump, letters: Letters) -> None:
    anna = {"id": "anna", "email": "anna@viewers.example"}
    answer = api.post("/v1/events", {"type": "user.registered", "id": "e-anna", "user": anna}).body
    api.delete("/v1/users/anna")
    pump.run()

    assert letters() == []
    assert outcome(api, answer["notifications"][0]["id"]) == ("skipped", "unknown_user")
    requests = [row for row in LedgerRow.scan() if isinstance(row, RequestRow)]
    assert all(row.recipients == [{}] for row in requests)


def test_the_counts_of_a_short_link_stay_without_their_user(stage: None, api: Gateway, register: Register) -> None:
    register()
    LinkRow(
        "code",
        kind="short",
        user_id="anna",
        redirect_url="https://cinema.example/p",
        notification_id="n-1",
        channel="email",
        campaign_id="spring",
        created_at="2026-11-22T00:00:00.000000Z",
        valid_until="2027-11-22T00:00:00.000000Z",
        visits=7,
        first_visited_at="2026-11-22T00:00:00.000000Z",
    ).save()
    api.delete("/v1/users/anna")

    row = LinkRow.get("code")
    assert not {"user_id", "notification_id", "channel", "email"} & set(row.to_simple_dict())
    [listed] = api.get("/v1/links", campaign_id="spring").body["links"]
    assert (listed["visits"], listed["user_id"]) == (7, None)


def test_an_erased_user_may_come_back_as_somebody_new_and_what_they_objected_to_still_holds(
    api: Gateway, register: Register, pump: Pump
) -> None:
    """Promise C3: an objection outlives the erasure, until the confirmed owner says yes."""
    register()
    api.put("/v1/users/anna/preferences", {"everything": False})
    api.delete("/v1/users/anna")
    register(email_confirmed=True)
    before = send(api)
    pump.run()
    api.put("/v1/users/anna/preferences", {"categories": {"marketing": {"email": True}}})
    after = send(api)
    pump.run()

    assert outcome(api, before) == ("skipped", "suppressed_unsubscribed")
    assert outcome(api, after) == ("sent", None)
    assert len(api.get("/v1/users/anna/notifications").body["notifications"]) == 2
