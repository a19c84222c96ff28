"""Preferences: through the API and the page, and obeyed until the very moment of sending."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from chalicelib.admin.form_reader import forms_in
from chalicelib.clock import now, parse_rfc3339, rfc3339
from chalicelib.manifest import Queue
from chalicelib.pipeline.retry import RetryJob
from chalicelib.stage.app import Stage
from chalicelib.storage.dynamodb import dynamodb
from tests.integration.api.gateway import Gateway, stored_rows
from tests.integration.conftest import Letters, Pump
from tests.integration.own_say.conftest import Person, Register, outcome, send
from tests.processes import compose

Links = Callable[[], dict[str, str]]
RESET = {"reset_url": "https://cinema.example/r", "valid_minutes": 30}
MARKETING_OFF = {"categories": {"marketing": {"email": False}}}


def quiet_now(zone: str = "UTC") -> dict[str, Any]:
    """Quiet hours in UTC that began an hour ago and end in an hour."""
    at = now()
    return {"from": f"{at - timedelta(hours=1):%H:%M}", "to": f"{at + timedelta(hours=1):%H:%M}"}


def waiting_jobs(pump: Pump) -> list[RetryJob]:
    """What the retry queue holds, delayed messages too."""
    sqs = Stage.own().sqs
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.sqs.models import sqs_backends

    queue = sqs_backends[DEFAULT_ACCOUNT_ID][sqs.meta.region_name].queues[f"vestnik-test-{Queue.RETRY}"]
    return [RetryJob.model_validate_json(message.body) for message in queue._messages]


def test_somebody_who_said_nothing_wants_everything(api: Gateway, register: Register) -> None:
    register()
    shown = api.get("/v1/users/anna/preferences").body

    assert shown["everything"] is True
    assert all(on for channels in shown["categories"].values() for on in channels.values())
    assert (shown["quiet_hours"], shown["paused_until"]) == (None, None)


def test_what_is_put_is_what_is_read_and_may_be_put_again(api: Gateway) -> None:
    wish = {
        "everything": True,
        "categories": {"marketing": {"email": False}},
        "quiet_hours": {"from": "22:00", "to": "08:00"},
        "paused_until": "2027-01-01T00:00:00+03:00",
    }
    shown = api.put("/v1/users/anna/preferences", wish).body

    assert shown["categories"]["marketing"]["email"] is False
    assert shown["quiet_hours"] == {"from": "22:00", "to": "08:00"}
    assert parse_rfc3339(shown["paused_until"]) == datetime(2026, 12, 31, 21, tzinfo=UTC)
    assert api.put("/v1/users/anna/preferences", shown).body == shown
    assert api.get("/v1/users/anna/preferences").body == shown


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"categories": {"gossip": {"email": False}}}, "categories"),
        ({"categories": {"marketing": {"pigeon": False}}}, "categories.marketing.pigeon"),
        ({"categories": {"account": {"email": False}}}, "categories"),
        ({"categories": {"marketing": {"email": "sometimes"}}}, "categories.marketing.email"),
        ({"quiet_hours": {"from": "22:00"}}, "quiet_hours.to"),
        ({"quiet_hours": {"from": "22:00", "to": "24:00"}}, "quiet_hours.to"),
        ({"quiet_hours": {"from": "22:00", "to": "22:00"}}, "quiet_hours"),
        ({"paused_until": "2027-01-01"}, "paused_until"),
        ({"paused_until": "soon"}, "paused_until"),
        ({"everything": "no"}, "everything"),
        ({"loud": True}, "loud"),
    ],
)
def test_a_wrong_wish_names_its_field_and_stores_nothing(api: Gateway, wish: dict[str, Any], field: str) -> None:
    answer = api.put("/v1/users/anna/preferences", wish)

    assert (answer.status, answer.bad_fields) == (422, [field])
    assert stored_rows() == []


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        (MARKETING_OFF, "opted_out"),
        ({"everything": False}, "opted_out_of_everything"),
        ({"paused_until": rfc3339(now() + timedelta(days=1))}, "paused"),
    ],
)
@pytest.mark.parametrize("when", ["before", "between queueing and sending"])
def test_a_wish_against_a_letter_is_obeyed_whenever_it_is_made(
    api: Gateway, register: Register, pump: Pump, letters: Letters, wish: dict[str, Any], reason: str, when: str
) -> None:
    register()
    if when == "before":
        api.put("/v1/users/anna/preferences", wish)
    promo = send(api)
    pump.run("enrich-instant")
    api.put("/v1/users/anna/preferences", wish)
    pump.run()

    assert outcome(api, promo) == ("skipped", reason)
    assert letters() == []


@pytest.mark.parametrize(
    "wish", [{"everything": False}, {"paused_until": rfc3339(now() + timedelta(days=1))}, {"quiet_hours": quiet_now()}]
)
def test_a_letter_about_the_account_heeds_none_of_it(
    api: Gateway, register: Register, pump: Pump, wish: dict[str, Any]
) -> None:
    register(timezone="UTC")
    api.put("/v1/users/anna/preferences", wish)
    reset = send(api, "password-reset", context=RESET)
    pump.run()

    assert outcome(api, reset) == ("sent", None)


def test_a_pause_that_is_over_stops_nothing(api: Gateway, register: Register, pump: Pump) -> None:
    register()
    api.put("/v1/users/anna/preferences", {"paused_until": rfc3339(now() - timedelta(seconds=1))})
    promo = send(api)
    pump.run()

    assert outcome(api, promo) == ("sent", None)


@pytest.mark.parametrize("when", ["before", "between queueing and sending"])
def test_a_letter_in_quiet_hours_waits_for_their_end(
    api: Gateway, register: Register, pump: Pump, letters: Letters, when: str
) -> None:
    register(timezone="UTC")
    if when == "before":
        api.put("/v1/users/anna/preferences", {"quiet_hours": quiet_now()})
    promo = send(api)
    pump.run("enrich-instant")
    api.put("/v1/users/anna/preferences", {"quiet_hours": quiet_now()})
    pump.run()

    assert letters() == []
    assert outcome(api, promo) == ("scheduled", "quiet_hours")
    [waiting] = waiting_jobs(pump)
    assert (waiting.kind, waiting.queue) == ("forward", "enrich-instant")
    ends = now().replace(second=0, microsecond=0) + timedelta(hours=1)
    assert abs(parse_rfc3339(waiting.not_before) - ends) <= timedelta(minutes=1)


@pytest.mark.parametrize("when", ["before", "between queueing and sending"])
def test_quiet_that_a_letter_would_not_outlive_is_not_waited_for(
    api: Gateway, register: Register, pump: Pump, letters: Letters, when: str
) -> None:
    register(timezone="UTC")
    if when == "before":
        api.put("/v1/users/anna/preferences", {"quiet_hours": quiet_now()})
    promo = send(api, expires_at=rfc3339(now() + timedelta(minutes=30)))
    pump.run("enrich-instant")
    api.put("/v1/users/anna/preferences", {"quiet_hours": quiet_now()})
    pump.run()

    assert (outcome(api, promo), letters()) == (("skipped", "expired"), [])


def test_what_waited_comes_when_the_quiet_is_over(
    api: Gateway, register: Register, pump: Pump, letters: Letters
) -> None:
    register(timezone="UTC")
    api.put("/v1/users/anna/preferences", {"quiet_hours": quiet_now()})
    promo = send(api)
    pump.run()
    [waiting] = waiting_jobs(pump)

    hop = waiting.model_copy(update={"not_before": rfc3339(now() + timedelta(minutes=20))})
    pump.put(Queue.RETRY, hop.model_dump_json())
    pump.run(Queue.RETRY)
    assert letters() == []  # too early: it went back to wait

    api.put("/v1/users/anna/preferences", {})
    pump.put(Queue.RETRY, waiting.model_copy(update={"not_before": rfc3339(now())}).model_dump_json())
    pump.run(Queue.RETRY)
    pump.run()

    assert outcome(api, promo) == ("sent", None)
    assert len(letters()) == 1


def test_quiet_hours_are_those_of_the_users_zone(api: Gateway, register: Register, pump: Pump) -> None:
    register("near", timezone="UTC")
    register("far", timezone="Asia/Vladivostok")
    for user in ("near", "far"):
        api.put(f"/v1/users/{user}/preferences", {"quiet_hours": quiet_now()})
    near, far = (send(api, to={"user_id": user}) for user in ("near", "far"))
    pump.run()

    assert (outcome(api, near)[0], outcome(api, far)[0]) == ("scheduled", "sent")


def test_the_sites_quiet_hours_are_for_whoever_set_none(
    api: Gateway, register: Register, pump: Pump, letters: Letters
) -> None:
    site = {"starts": quiet_now()["from"], "ends": quiet_now()["to"]}
    assert api.put("/v1/settings/quiet_hours", {"value": site}).status == 200
    compose()
    for user in ("silent", "own"):
        register(user, timezone="UTC")
    at = now()
    later = {"from": f"{at + timedelta(hours=2):%H:%M}", "to": f"{at + timedelta(hours=3):%H:%M}"}
    api.put("/v1/users/own/preferences", {"quiet_hours": later})
    silent, own = (send(api, to={"user_id": user}) for user in ("silent", "own"))
    reset = send(api, "password-reset", to={"user_id": "silent"}, context=RESET)
    pump.run()

    assert [outcome(api, one)[0] for one in (silent, own, reset)] == ["scheduled", "sent", "sent"]
    [waiting] = waiting_jobs(pump)
    assert waiting.queue == "enrich-instant"


def test_of_a_chunk_only_those_wait_who_want_quiet(
    api: Gateway, register: Register, pump: Pump, letters: Letters
) -> None:
    for user in ("anna", "boris", "clara"):
        register(user, timezone="UTC")
    api.put("/v1/users/anna/preferences", {"quiet_hours": quiet_now()})
    api.put("/v1/users/boris/preferences", {"everything": False})
    promo = {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"}
    recipients = [{"user_id": user} for user in ("anna", "boris", "clara")]
    body = {"template": "promo", "recipients": recipients, "context": promo, "lane": "bulk"}
    sent = api.post("/v1/notifications", body).body["notifications"]
    pump.run()

    assert [outcome(api, one["id"])[0] for one in sent] == ["scheduled", "skipped", "sent"]
    assert [letter["to"] for letter in letters()] == [["clara@viewers.example"]]


@pytest.fixture
def page(api: Gateway, register: Register, links_of_next: Links) -> str:
    """The path of Anna's preference page, from a letter about her account."""
    register(timezone="Europe/Moscow")
    send(api, "password-reset", context=RESET)
    return links_of_next()["preferences"]


def form(**fields: str) -> bytes:
    return urlencode(fields).encode()


def as_shown(html: str) -> dict[str, str]:
    """What a browser would send of the page's form."""
    here = html.replace('<form method="post">', '<form method="post" action="">')  # to the page that it is on
    found = next(one for one in forms_in(here) if any(control.name == "was" for control in one.controls))
    return {name: values[0] for name, values in found.values().items() if values}


def test_the_page_shows_what_is_stored(api: Gateway, page: str, person: Person) -> None:
    api.put("/v1/users/anna/preferences", {**MARKETING_OFF, "quiet_hours": {"from": "22:30", "to": "07:15"}})
    shown = person.get(page).text

    assert 'name="on.series.email" value="on" checked' in shown
    assert 'name="on.marketing.email" value="on">' in shown
    assert 'value="22:30"' in shown
    assert 'value="07:15"' in shown
    assert "Europe/Moscow" in shown
    assert "account.email" not in shown


def test_the_page_saves_what_the_form_says(api: Gateway, page: str, person: Person) -> None:
    fields = {"on.series.email": "on", "quiet_from": "23:00", "quiet_to": "09:00:00", "paused_until": "2027-03-01"}
    saved = person.post(page, form(**fields))

    assert saved.status == 200
    assert "Saved." in saved.text
    kept = api.get("/v1/users/anna/preferences").body
    assert kept["everything"] is True
    assert [name for name, on in kept["categories"].items() if on["email"]] == ["account", "series"]
    assert kept["quiet_hours"] == {"from": "23:00", "to": "09:00"}
    assert parse_rfc3339(kept["paused_until"]) == datetime(2027, 2, 28, 21, tzinfo=UTC)  # midnight in Moscow
    assert 'value="2027-03-01"' in saved.text


def test_the_page_offers_the_channels_that_reach_the_user_and_leaves_the_others_as_they_are(
    api: Gateway, page: str, person: Person
) -> None:
    api.put("/v1/users/anna/preferences", {"categories": {"series": {"sms": False, "email": False}}})
    assert offered(person.get(page).text) == ["email", "live"]

    person.post(page, form(channels="email,live", **{"on.series.live": "on"}))

    series = api.get("/v1/users/anna/preferences").body["categories"]["series"]
    assert (series["email"], series["live"], series["sms"], series["chat"]) == (False, True, False, True)
    api.patch("/v1/users/anna", {"phone": "+79161234567"})
    server = {"channel": "webhook", "url": "https://93.184.216.34/hook", "name": "Anna's server"}
    made = api.post("/v1/users/anna/endpoints", server)
    assert offered(person.get(page).text) == ["email", "live", "sms", "webhook"]
    assert api.delete(f"/v1/users/anna/endpoints/{made.body['id']}").status == 204
    assert offered(person.get(page).text) == ["email", "live", "sms"]


def offered(html: str) -> list[str]:
    """The channels that the page has switches for, in its order."""
    return re.findall(r'name="on\.series\.(\w+)"', html)


def test_a_channel_that_the_stage_has_not_set_up_is_offered_to_nobody(
    api: Gateway, page: str, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.patch("/v1/users/anna", {"phone": "+79161234567"})
    assert offered(person.get(page).text) == ["email", "live", "sms"]
    monkeypatch.setenv("VESTNIK_WHATSAPP_SENDER", "phone-number-id-0123456789abcdef0123456789abcdef")
    compose()
    assert offered(person.get(page).text) == ["email", "live", "sms", "whatsapp"]


def test_the_page_switches_everything_off_and_keeps_the_rest(api: Gateway, page: str, person: Person) -> None:
    person.post(page, form(**{"on.series.email": "on", "nothing": "on"}))

    kept = api.get("/v1/users/anna/preferences").body
    assert (kept["everything"], kept["categories"]["series"]["email"]) == (False, True)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"quiet_from": "22:00"}, "give both the beginning and the end"),
        ({"quiet_from": "22:00", "quiet_to": "25:00"}, "times such as 22:00"),
        ({"quiet_from": "22:00", "quiet_to": "22:00"}, "the two must differ"),
        ({"paused_until": "tomorrow"}, "a date such as 2026-12-31"),
        ({"paused_until": "0001-01-01"}, "a date such as 2026-12-31"),
        ({"paused_until": "1999-12-31"}, "a date such as 2026-12-31"),
        ({"paused_until": "9999-12-31"}, "a date such as 2026-12-31"),
    ],
)
def test_a_mistake_in_the_form_is_told_and_nothing_is_saved(
    api: Gateway, page: str, person: Person, fields: dict[str, str], message: str
) -> None:
    before = api.get("/v1/users/anna/preferences").body
    answer = person.post(page, form(**fields))

    assert answer.status == 422
    assert message in answer.text
    assert all(f'value="{typed}"' in answer.text for typed in fields.values())
    assert api.get("/v1/users/anna/preferences").body == before


@pytest.mark.parametrize("until", ["2099-12-31T23:59:59-05:00", "2000-01-01T00:00:00+14:00"])
def test_a_pause_that_could_not_be_read_again_is_refused(api: Gateway, register: Register, until: str) -> None:
    """Promise F4: in UTC, as it is stored, it is of another century."""
    register()

    assert api.put("/v1/users/anna/preferences", {"paused_until": until}).status == 422
    assert api.get("/v1/users/anna/preferences").body["paused_until"] is None


def test_what_is_saved_as_it_was_shown_stays_to_the_second(api: Gateway, page: str, person: Person) -> None:
    """Promise F4: the page shows the day of a pause alone; saving something else does not end it sooner."""
    until = "2027-12-05T18:00:30Z"
    api.put("/v1/users/anna/preferences", {"paused_until": until})
    person.post(
        page, form(channels="email,live", was="", paused_until="2027-12-05", quiet_from="22:00", quiet_to="08:00")
    )

    kept = api.get("/v1/users/anna/preferences").body
    assert (kept["paused_until"], kept["quiet_hours"]["from"]) == (until, "22:00")


ELSEWHERE: dict[str, Any] = {
    "everything": False,
    "quiet_hours": {"from": "23:00", "to": "07:00"},
    "paused_until": "2027-12-05T18:00:30Z",
    "digests": {"series": {"every": "week", "on": "monday", "at": "08:00"}},
}


@pytest.mark.parametrize("first", [{}, {**ELSEWHERE, "paused_until": "2028-01-01T00:00:00Z"}])
def test_what_was_left_as_it_was_shown_undoes_nothing_that_was_said_elsewhere(
    api: Gateway, page: str, person: Person, first: dict[str, Any]
) -> None:
    """Promise B3: a page that has been open for long says what was turned on it, and nothing of the rest."""
    api.put("/v1/users/anna/preferences", first)
    opened = as_shown(person.get(page).text)
    elsewhere = api.put("/v1/users/anna/preferences", ELSEWHERE if not first else {}).body
    assert elsewhere["categories"]["marketing"]["email"] is True

    del opened["on.marketing.email"]
    assert "Saved." in person.post(page, form(**opened)).text

    kept = api.get("/v1/users/anna/preferences").body
    assert kept["categories"].pop("marketing")["email"] is False
    assert kept == {**elsewhere, "categories": kept["categories"]}
    again = as_shown(person.get(page).text)
    again.pop("nothing", None)
    person.post(page, form(**{**again, "quiet_from": "21:00", "quiet_to": "06:00", "digest.series": "day"}))
    turned = api.get("/v1/users/anna/preferences").body
    assert (turned["everything"], turned["quiet_hours"]["from"], turned["digests"]["series"]["every"]) == (
        True,
        "21:00",
        "day",
    )


def test_a_pause_ends_with_the_midnight_that_the_clocks_skip(api: Gateway, page: str, person: Person) -> None:
    """Promise F3: in Cairo the last Friday of April begins at one o'clock."""
    api.patch("/v1/users/anna", {"timezone": "Africa/Cairo"})
    person.post(page, form(channels="email", paused_until="2027-04-30"))

    assert api.get("/v1/users/anna/preferences").body["paused_until"] == "2027-04-29T22:00:00Z"


@pytest.mark.parametrize("body", [b"", b"List-Unsubscribe=One-Click", b"channels=%ff\xff", b"\xff"])
def test_what_is_no_form_of_the_page_says_nothing(api: Gateway, page: str, person: Person, body: bytes) -> None:
    """Promise D5: a scanner's POST, or a body that cannot be read, switches nothing off."""
    api.put("/v1/users/anna/preferences", {**MARKETING_OFF, "digests": {"series": {"every": "day"}}})
    before = [row.to_simple_dict() for row in stored_rows()]
    answers = [person.post(page, body), person.post(page, body, "application/json")]

    assert [(one.status, "Saved." in one.text) for one in answers] == [(200, False)] * 2
    assert [row.to_simple_dict() for row in stored_rows()] == before


def test_looking_at_the_page_changes_nothing(page: str, person: Person) -> None:
    before = [row.to_simple_dict() for row in stored_rows()]
    assert {person.get(page).status, person.head(page).status} == {200}

    assert [row.to_simple_dict() for row in stored_rows()] == before


def test_a_switch_that_was_shown_off_and_left_says_nothing(api: Gateway, page: str, person: Person) -> None:
    """Promise E2: a field that a browser sends empty has been sent; with none checked, `was` is one."""
    form = b"channels=email&was=&quiet_from=&quiet_to=&paused_until="

    assert person.post(page, form).status == 200
    assert api.get("/v1/users/anna/preferences").body["categories"]["series"]["email"] is True


def test_the_page_of_an_erased_user_is_gone(api: Gateway, page: str, person: Person) -> None:
    api.delete("/v1/users/anna")

    assert person.get(page).status == 404
    assert person.post(page, form(nothing="on")).status == 404
    assert all("anna" not in json.dumps(row.to_simple_dict()) for row in stored_rows())


def test_two_changes_at_once_are_both_kept(stage: None) -> None:
    store = Stage.own().preferences

    def with_a_rival(before: Any) -> Any:
        if before.everything:
            store.change("anna", lambda old: old.model_copy(update={"everything": False}))
        return before.with_category("digest", "email", wanted=False)

    store.change("anna", with_a_rival)

    kept = store.get("anna")
    assert (kept.everything, kept.wants("digest", "email")) == (False, False)


def test_an_address_is_asked_about_once_for_an_account_letter_as_of_now(
    api: Gateway, pump: Pump, register: Register
) -> None:
    register()
    pump.run()  # the welcome letter
    send(api)
    send(api, "password-reset", context=RESET)
    reads: list[bool] = []

    def note(request: Any, **_: Any) -> None:
        tables = json.loads(request.body)["RequestItems"]
        reads.extend(asked["ConsistentRead"] for name, asked in tables.items() if name.endswith("-suppressions"))

    events = dynamodb().client.meta.events
    events.register_first("before-send.dynamodb.BatchGetItem", note)
    pump.run("enrich-instant")
    enrich, reads[:] = sorted(reads), []
    pump.run("deliver-email")
    events.unregister("before-send.dynamodb.BatchGetItem", note)

    assert enrich == [True]  # of the account letter, which nobody asks about again
    assert reads == [False]  # of the other, right before it is sent
