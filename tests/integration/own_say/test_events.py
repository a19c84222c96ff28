"""Events become letters by rules; a repeated event makes no second letter."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.clock import now, parse_rfc3339, rfc3339
from chalicelib.stage.app import Stage
from chalicelib.storage.rows.ledger import EventRow, LedgerRow, RequestRow
from tests.integration.api.gateway import Gateway, gateway, nothing_happened, without_hashes
from tests.integration.conftest import Letters, Pump
from tests.integration.own_say.conftest import Person, links_in

ANNA = {"id": "anna", "email": "anna@viewers.example", "name": "Anna", "locale": "en"}


def registered(event_id: str = "e-1", **fields: Any) -> dict[str, Any]:
    return {"type": "user.registered", "id": event_id, "user": ANNA, **fields}


def release_all() -> None:
    """Lets the time of every waiting letter come."""
    for row in LedgerRow.scan():
        if isinstance(row, RequestRow) and row.due_at:
            row.send_at = row.due_at = rfc3339(now() - timedelta(seconds=1))
            row.save()
    Stage.own().accept.release_due()


def test_a_registration_stores_the_user_and_sends_the_welcome_letter(
    api: Gateway, pump: Pump, letters: Letters
) -> None:
    answer = api.post("/v1/events", registered())
    pump.run()

    assert answer.status == 202
    assert [one["template"] for one in answer.body["notifications"]] == [
        "welcome",
        "confirm-reminder",
        "confirm-reminder",
    ]
    assert [one["status"] for one in answer.body["notifications"]] == ["accepted", "scheduled", "scheduled"]
    assert api.get("/v1/users/anna").body["name"] == "Anna"
    [letter] = letters()
    assert letter["to"] == ["anna@viewers.example"]
    assert "Welcome" in letter["subject"]


def test_the_same_event_told_again_makes_no_second_letter(api: Gateway, pump: Pump, letters: Letters) -> None:
    answers = [api.post("/v1/events", registered()).body for _ in range(3)]
    pump.run()

    assert answers[0] == answers[1] == answers[2]
    assert len(letters()) == 1


def test_an_event_told_again_after_the_rules_changed_makes_the_same_letters(
    api: Gateway, pump: Pump, letters: Letters
) -> None:
    first = api.post("/v1/events", registered()).body
    rules = {"user.registered": {"steps": [{"template": "confirm-reminder"}]}}
    assert api.put("/v1/settings/event_rules", {"value": rules}).status == 200

    assert api.post("/v1/events", registered()).body == first
    pump.run()
    assert len(letters()) == 1


def test_an_event_told_again_late_does_not_undo_what_the_user_has_become(api: Gateway) -> None:
    api.post("/v1/events", registered())
    api.patch("/v1/users/anna", {"name": "Anna Maria"})
    api.post("/v1/events", registered())

    assert api.get("/v1/users/anna").body["name"] == "Anna Maria"


def test_the_same_id_for_another_event_is_a_conflict(api: Gateway) -> None:
    api.post("/v1/events", registered())

    assert api.post("/v1/events", registered(data={"plan": "family"})).status == 409
    assert api.post("/v1/events", registered(user={**ANNA, "name": "Other"})).status == 409


def test_two_services_may_use_the_same_event_id(api: Gateway, pump: Pump, letters: Letters) -> None:
    api.post("/v1/events", registered())
    gateway().post("/v1/events", registered())
    pump.run()

    assert len(letters()) == 2


def test_an_event_keeps_what_it_does_not_speak_of(api: Gateway) -> None:
    api.put("/v1/users/anna", {"email": "anna@viewers.example", "phone": "+79261234567"})
    api.post("/v1/events", registered())

    user = api.get("/v1/users/anna").body
    assert (user["phone"], user["name"]) == ("+79261234567", "Anna")


def test_the_reminders_wait_a_day_and_a_week(api: Gateway) -> None:
    api.post("/v1/events", registered())

    waits = sorted(
        parse_rfc3339(row.send_at) - now() for row in LedgerRow.scan() if isinstance(row, RequestRow) and row.send_at
    )
    assert [round(wait / timedelta(days=1)) for wait in waits] == [1, 7]


def test_the_reminders_come_while_the_address_is_not_confirmed(api: Gateway, pump: Pump, letters: Letters) -> None:
    api.post("/v1/events", registered())
    pump.run()
    release_all()
    pump.run()

    assert [letter["subject"] for letter in letters()][1:] == [
        "Anna, don’t forget to confirm your email for Vestnik Cinema"
    ] * 2


def test_a_confirmed_address_stops_the_reminders(api: Gateway, pump: Pump, letters: Letters, person: Person) -> None:
    answer = api.post("/v1/events", registered())
    pump.run()
    person.get(links_in(letters()[0])["s"])
    release_all()
    pump.run()

    assert len(letters()) == 1
    for letter in answer.body["notifications"][1:]:
        told = api.get(f"/v1/notifications/{letter['id']}").body
        assert (told["status"], told["deliveries"][0]["reason"]) == ("skipped", "not_needed_any_more")


def test_managers_write_rules_for_events_of_their_own(api: Gateway, pump: Pump, letters: Letters) -> None:
    rule = {"steps": [{"template": "promo", "category": "series", "channels": ["email"]}]}
    api.put("/v1/settings/event_rules", {"value": {"trailer.released": rule}})
    data = {"headline": "The Lighthouse", "text": "See it", "url": "https://cinema.example/t", "internal": 1}
    event = {"type": "trailer.released", "id": "t-1", "user": ANNA, "data": data}
    answer = api.post("/v1/events", event)
    pump.run()

    assert "The Lighthouse" in letters()[0]["subject"]
    told = api.get(f"/v1/notifications/{answer.body['notifications'][0]['id']}").body
    assert told["category"] == "series"


def test_an_event_without_a_rule_is_taken_and_makes_no_letter(api: Gateway) -> None:
    answer = api.post("/v1/events", {"type": "film.watched", "id": "w-1", "user": {"id": "anna"}})

    assert (answer.status, answer.body["notifications"]) == (202, [])
    assert api.get("/v1/users/anna").status == 404


def test_an_event_that_its_template_cannot_use_stores_nothing(api: Gateway) -> None:
    api.put("/v1/settings/event_rules", {"value": {"trailer.released": {"steps": [{"template": "promo"}]}}})
    before = len(list(LedgerRow.scan()))
    answer = api.post("/v1/events", {"type": "trailer.released", "id": "t-1", "user": ANNA, "data": {}})

    assert answer.status == 422
    assert "context.headline" in answer.bad_fields
    assert len(list(LedgerRow.scan())) == before
    assert api.get("/v1/users/anna").status == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": "User Registered"}, "type"),
        ({"type": ""}, "type"),
        ({"id": ""}, "id"),
        ({"id": "a b"}, "id"),
        ({"user": {"email": "anna@viewers.example"}}, "user.id"),
        ({"user": {"id": "anna", "email": "nonsense"}}, "user.email"),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_malformed_event_names_its_field(api: Gateway, change: dict[str, Any], field: str) -> None:
    answer = api.post("/v1/events", registered(**change))

    assert (answer.status, answer.bad_fields) == (422, [field])
    assert nothing_happened()


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ({"a.b": {"steps": [{"template": "nothing"}]}}, "value.a.b.steps[0].template"),
        ({"a.b": {"steps": [{"template": "promo", "category": "none"}]}}, "value.a.b.steps[0].category"),
        ({"a.b": {"steps": [{"template": "promo", "channels": ["pigeon"]}]}}, "value.a.b.steps[0].channels[0]"),
        ({"a.b": {"steps": [{"template": "promo", "delay": "P90D"}]}}, "value.a.b.steps[0].delay"),
        ({"a.b": {"steps": [{"template": "promo", "delay": -1}]}}, "value.a.b.steps[0].delay"),
        ({"A B": {"steps": []}}, "value.A B.[key]"),
    ],
)
def test_a_rule_that_cannot_be_followed_is_refused_with_its_place(api: Gateway, rules: Any, field: str) -> None:
    answer = api.put("/v1/settings/event_rules", {"value": rules})

    assert (answer.status, answer.bad_fields) == (422, [field])


def test_what_is_kept_of_an_event_names_nobody(api: Gateway) -> None:
    api.post("/v1/events", registered())

    [kept] = [row for row in LedgerRow.scan() if isinstance(row, EventRow)]
    assert "anna" not in without_hashes(str(kept.to_simple_dict())).lower()
