"""A wish belongs to what is written to: it holds for the address, whoever it is written to as."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from chalicelib.accounts.api_keys import Scope
from chalicelib.campaigns.list_loader import ListLoader
from chalicelib.campaigns.list_uploads import StoredFile, Uploads
from chalicelib.clock import now, rfc3339
from chalicelib.pipeline import enrich
from chalicelib.pipeline import pre_send_check as last_look
from chalicelib.reasons import SuppressionReason
from chalicelib.security.signing import LetterClaims, Purpose
from chalicelib.stage.app import Stage
from chalicelib.storage.new_links import Link
from chalicelib.storage.requests import read_request
from chalicelib.storage.rows.ledger import RequestRow
from chalicelib.storage.rows.links import LinkRow
from tests.integration.api.gateway import Gateway, gateway, stored_rows
from tests.integration.conftest import Letters, Pump
from tests.integration.own_say.conftest import Person, Register, links_in, outcome, send

ANNA = "anna@viewers.example"
ONE_CLICK = b"List-Unsubscribe=One-Click"
RESET = {"reset_url": "https://cinema.example/r", "valid_minutes": 30}
Opt = Callable[[Gateway, Person], object]
YES = {"categories": {"marketing": {"email": True}}}


def link(*, user_id: str | None = None, address: str | None = None, category: str = "marketing") -> str:
    claims = LetterClaims(user_id, address, "email", category, "0d1f7f0e-0000-4000-8000-000000000000")
    return f"/unsubscribe/{Stage.own().tokens.make(claims, Purpose.UNSUBSCRIBE)[0]}"


def page(user_id: str) -> str:
    claims = LetterClaims(user_id, None, "email", "marketing", "0d1f7f0e-0000-4000-8000-000000000000")
    return f"/preferences/{Stage.own().tokens.make(claims, Purpose.PREFERENCES)[0]}"


def got(api: Gateway, pump: Pump, to: dict[str, str], **fields: Any) -> tuple[str, str | None]:
    """What becomes of a letter sent now."""
    asked = send(api, to=to, **fields)
    assert pump.run() == []
    return outcome(api, asked)


OPTS: dict[str, Opt] = {
    "one click": lambda _, person: person.post(link(user_id="anna"), ONE_CLICK),
    "everything by the link": lambda _, person: person.post(link(user_id="anna"), b"scope=everything"),
    "a category by the API": lambda api, _: api.put(
        "/v1/users/anna/preferences", {"categories": {"marketing": {"email": False}}}
    ),
    "everything by the API": lambda api, _: api.put("/v1/users/anna/preferences", {"everything": False}),
    "the page": lambda _, person: person.post(page("anna"), urlencode({"channels": "email"}).encode()),
    "a pause": lambda api, _: api.put("/v1/users/anna/preferences", {"paused_until": "2029-01-01T00:00:00Z"}),
}


@pytest.mark.parametrize("way", OPTS)
def test_an_opt_out_holds_for_the_address_by_any_name(
    api: Gateway, register: Register, person: Person, pump: Pump, way: str
) -> None:
    """Promise C1: an opt-out of a user holds for letters to the address as such, and to another user who has it."""
    register()
    register("boris", email=ANNA)
    OPTS[way](api, person)

    for to in ({"email": "Anna@Viewers.Example"}, {"user_id": "boris"}, {"user_id": "anna"}):
        assert got(api, pump, to)[0] == "skipped", to
    assert got(api, pump, {"email": "other@viewers.example"}) == ("sent", None)
    assert outcome(api, _reset(api, pump)) == ("sent", None)


def _reset(api: Gateway, pump: Pump) -> str:
    asked = send(api, "password-reset", to={"email": ANNA}, context=RESET)
    pump.run()
    return asked


def test_an_opt_out_holds_for_every_spelling_of_a_national_domain(
    api: Gateway, register: Register, person: Person, pump: Pump
) -> None:
    """Promise C1: in either spelling of the domain."""
    register(email="anna@почта.рф")
    person.post(link(user_id="anna"), ONE_CLICK)

    assert got(api, pump, {"email": "ANNA@xn--80a1acny.xn--p1ai"}) == ("skipped", "opted_out")


def test_a_category_that_was_switched_off_stops_that_category_alone(
    api: Gateway, register: Register, person: Person, pump: Pump
) -> None:
    """Promise C1: and an address without a user has categories too."""
    register()
    person.post(link(user_id="anna"), ONE_CLICK)
    person.post(link(address="guest@viewers.example", category="series"), ONE_CLICK)

    assert got(api, pump, {"email": ANNA}, category="series") == ("sent", None)
    assert got(api, pump, {"email": "guest@viewers.example"}, category="series")[0] == "skipped"
    assert got(api, pump, {"email": "guest@viewers.example"}) == ("sent", None)


def test_a_letter_on_its_way_to_the_address_is_stopped_too(
    api: Gateway, register: Register, person: Person, pump: Pump
) -> None:
    """Promise C1: read once more right before it leaves."""
    register()
    asked = send(api, to={"email": ANNA})
    pump.run("enrich-instant")
    person.post(link(user_id="anna"), ONE_CLICK)
    pump.run()

    assert outcome(api, asked) == ("skipped", "opted_out")


def test_whoever_objected_may_take_it_back(api: Gateway, register: Register, pump: Pump) -> None:
    """Promise C1: the later wish of the same user wins, confirmed or not."""
    register()
    for body, status in (({"everything": False}, "skipped"), ({}, "sent"), ({"everything": False}, "skipped")):
        api.put("/v1/users/anna/preferences", body)
        assert got(api, pump, {"email": ANNA})[0] == status
        assert got(api, pump, {"user_id": "anna"})[0] == status


def test_wishes_follow_the_user_to_another_address_and_stay_with_the_old_one(
    api: Gateway, register: Register, pump: Pump
) -> None:
    """Promise C1: whatever the way the address is changed."""
    register()
    api.put("/v1/users/anna/preferences", {"categories": {"marketing": {"email": False}}})
    api.patch("/v1/users/anna", {"email": "second@viewers.example"})
    third = {"id": "anna", "email": "third@viewers.example"}
    api.post("/v1/events", {"type": "user.registered", "id": "e-1", "user": third})
    pump.run()

    for name in ("anna", "second", "third"):
        assert got(api, pump, {"email": f"{name}@viewers.example"}) == ("skipped", "opted_out"), name


@pytest.mark.parametrize("way", ["another address", "erased", "no address"])
@pytest.mark.parametrize("form", [ONE_CLICK, b"scope=everything"])
def test_an_old_letter_unsubscribes_the_address_that_it_came_to(
    api: Gateway, register: Register, person: Person, pump: Pump, letters: Letters, way: str, form: bytes
) -> None:
    """Promise C1: a wish belongs to what was written to, though the user has left the address, or is erased."""
    register()
    assert got(api, pump, {"user_id": "anna"}) == ("sent", None)
    path = links_in(letters()[-1])["unsubscribe"]
    if way == "erased":
        api.delete("/v1/users/anna")
    else:
        api.patch("/v1/users/anna", {"email": "second@viewers.example" if way == "another address" else None})
    shown = person.post(path, form)

    assert (shown.status, "<b>#" in shown.text) == (200, False)
    assert got(api, pump, {"email": "ANNA@viewers.example"}) == ("skipped", "suppressed_unsubscribed")
    assert got(api, pump, {"email": ANNA}, category="series")[0] == ("sent" if form == ONE_CLICK else "skipped")
    if way == "another address":
        assert got(api, pump, {"user_id": "anna"})[0] == "skipped"
        assert got(api, pump, {"email": "second@viewers.example"})[0] == "skipped"
    register("boris", email=ANNA, email_confirmed=True)
    api.put("/v1/users/boris/preferences", YES)
    assert got(api, pump, {"email": ANNA}) == ("sent", None)


@pytest.mark.parametrize("form", [ONE_CLICK, b"scope=everything"])
def test_a_letter_to_the_users_present_address_leaves_the_wish_theirs(
    api: Gateway, register: Register, person: Person, pump: Pump, letters: Letters, form: bytes
) -> None:
    """Promise C1: they may take it back, confirmed or not."""
    register()
    assert got(api, pump, {"user_id": "anna"}) == ("sent", None)
    person.post(links_in(letters()[-1])["unsubscribe"], form)
    assert got(api, pump, {"email": ANNA})[0] == "skipped"
    api.put("/v1/users/anna/preferences", {})

    assert got(api, pump, {"email": ANNA}) == ("sent", None)


@pytest.fixture
def unsubscribed(person: Person, stage: None) -> None:
    """A guest has unsubscribed Anna's address, which nobody has registered yet."""
    person.post(link(address=ANNA), ONE_CLICK)


WAYS: dict[str, Opt] = {
    "by the API": lambda api, _: api.put("/v1/users/anna/preferences", YES),
    "everything by the API": lambda api, _: api.put("/v1/users/anna/preferences", {"everything": True}),
    "by the page": lambda _, person: person.post(
        page("anna"), urlencode({"channels": "email", "was": "on.series.email", "on.marketing.email": "on"}).encode()
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.usefixtures("unsubscribed")
def test_a_later_yes_of_the_confirmed_owner_lifts_an_unsubscription(
    api: Gateway, register: Register, person: Person, pump: Pump, way: str
) -> None:
    """Promise C2: on the page and over the API; and a later no stops it again."""
    register(email_confirmed=True)
    assert got(api, pump, {"user_id": "anna"}) == ("skipped", "suppressed_unsubscribed")
    WAYS[way](api, person)

    assert got(api, pump, {"user_id": "anna"}) == ("sent", None)
    assert got(api, pump, {"email": ANNA}) == ("sent", None)
    assert api.get("/v1/suppressions").body["suppressions"] == []
    person.post(link(address=ANNA), ONE_CLICK)
    assert got(api, pump, {"user_id": "anna"}) == ("skipped", "suppressed_unsubscribed")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.usefixtures("unsubscribed")
def test_nobody_else_lifts_an_unsubscription(
    api: Gateway, register: Register, person: Person, pump: Pump, way: str
) -> None:
    """Promise C2: not before the owner is confirmed; then what they said counts."""
    register()
    WAYS[way](api, person)
    assert got(api, pump, {"user_id": "anna"}) == ("skipped", "suppressed_unsubscribed")

    api.patch("/v1/users/anna", {"email_confirmed": True})
    assert got(api, pump, {"user_id": "anna"}) == ("sent", None)


@pytest.mark.usefixtures("unsubscribed")
def test_a_yes_before_the_objection_does_not_lift_it(
    api: Gateway, register: Register, person: Person, pump: Pump
) -> None:
    """Promise C2: the later wish wins."""
    register(email_confirmed=True)
    api.put("/v1/users/anna/preferences", YES)
    person.post(link(address=ANNA), ONE_CLICK)
    api.put("/v1/users/anna/preferences", {"quiet_hours": None})

    assert got(api, pump, {"user_id": "anna"}) == ("skipped", "suppressed_unsubscribed")


@pytest.mark.parametrize(
    "reason",
    [SuppressionReason.BOUNCE, SuppressionReason.COMPLAINT, SuppressionReason.BY_HAND, SuppressionReason.IMPORT],
)
def test_a_yes_lifts_no_bounce_no_complaint_and_nothing_that_was_done_by_hand(
    api: Gateway, register: Register, person: Person, pump: Pump, reason: SuppressionReason
) -> None:
    """Promise C2: and the page shows nothing as on, and says why."""
    register(email_confirmed=True)
    Stage.own().suppressions.add("email", ANNA, reason=reason)
    for way in WAYS.values():
        way(api, person)

    assert got(api, pump, {"user_id": "anna"}) == ("skipped", f"suppressed_{reason}")
    shown = person.get(page("anna")).text
    boxes = [line for line in shown.splitlines() if ".email" in line and "checkbox" in line]
    assert boxes
    assert all("disabled" in box and "checked" not in box for box in boxes)
    assert "E-mail: " in shown


@pytest.mark.usefixtures("unsubscribed")
@pytest.mark.parametrize("confirmed", [False, True])
def test_the_page_shows_no_box_as_checked_for_what_does_not_arrive(
    api: Gateway, register: Register, person: Person, *, confirmed: bool
) -> None:
    """Promise C2: it says what stands against letters, and what the reader can do."""
    register(email_confirmed=confirmed)
    shown = person.get(page("anna")).text

    box = next(line for line in shown.splitlines() if 'name="on.marketing.email"' in line)
    assert "checked" not in box
    assert ("disabled" in box) is not confirmed
    assert ("Switch on below" if confirmed else "Confirm that it is yours") in shown
    assert api.get("/v1/users/anna/preferences").body["categories"]["marketing"]["email"] is False


@pytest.mark.usefixtures("unsubscribed")
def test_a_form_that_was_opened_before_the_objection_lifts_nothing(
    register: Register, api: Gateway, person: Person, pump: Pump
) -> None:
    """Promise C2: a box that was left as it was shown says nothing."""
    register(email_confirmed=True)
    form = {"channels": "email", "was": "on.marketing.email", "on.marketing.email": "on"}
    person.post(page("anna"), urlencode(form).encode())

    assert got(api, pump, {"user_id": "anna"}) == ("skipped", "suppressed_unsubscribed")


@pytest.mark.parametrize(
    "reason", [SuppressionReason.BOUNCE, SuppressionReason.COMPLAINT, SuppressionReason.UNSUBSCRIBED]
)
def test_an_objection_outlives_the_erasure_without_the_address(
    api: Gateway, register: Register, person: Person, pump: Pump, reason: SuppressionReason
) -> None:
    """Promise C3: a letter to the address is skipped, and the list shows the hash alone, with reason and date."""
    register()
    if reason == SuppressionReason.UNSUBSCRIBED:
        person.post(link(address=ANNA), ONE_CLICK)
    else:
        Stage.own().suppressions.add("email", ANNA, reason=reason)
    began = rfc3339(now())
    api.delete("/v1/users/anna")

    assert got(api, pump, {"email": ANNA}) == ("skipped", f"suppressed_{reason}")
    [listed] = api.get("/v1/suppressions").body["suppressions"]
    assert (listed["address"], listed["reason"]) == (None, reason)
    assert listed["created_at"] <= began
    assert api.get(f"/v1/suppressions/email/{ANNA}").body["hash"] == listed["hash"]


GUEST = {"email": "Guest@viewers.example", "name": "Gregory Guest", "locale": "en"}
ERASE = "/v1/addresses/erase"


def lives_at(api: Gateway, pump: Pump, *, to: dict[str, str]) -> str:
    """Somebody gets a letter about an account, alone, and one together with somebody else."""
    alone = send(api, "password-reset", to=to, context={**RESET, "reset_url": "https://cinema.example/secret-of-g"})
    promo = {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"}
    both = [to, {"email": "other@viewers.example"}]
    answer = api.post("/v1/notifications", {"template": "promo", "recipients": both, "context": promo})
    assert answer.status == 202
    assert pump.run() == []
    owner = Stage.own().address_hashes.owner("email", to["email"])
    Stage.own().links.write([short_link(owner, alone)])
    return alone


def short_link(owner: str, notification_id: str) -> Link:
    """As a letter that shortens an address makes it."""
    until = now() + timedelta(days=1)
    return Link("c0de", "short", owner, None, "https://cinema.example/p", notification_id, "email", "spring", until)


def everything_stored() -> str:
    return json.dumps([row.to_simple_dict() for row in stored_rows()], ensure_ascii=False, default=str).lower()


def test_an_export_of_an_address_holds_what_was_sent_to_it(
    api: Gateway, pump: Pump, register: Register, person: Person
) -> None:
    """Promise C4: an address is exported, whoever was written to there."""
    register("gregory", email="guest@viewers.example")
    lives_at(api, pump, to=GUEST)
    person.post(link(address="guest@viewers.example"), ONE_CLICK)
    answer = api.post("/v1/addresses/export", {"email": "guest@VIEWERS.example"})

    assert answer.status == 200
    data = answer.body["data"]
    assert {one["template"] for one in data["notifications"]} == {"password-reset", "promo"}
    assert all(one["recipient"]["name"] == "Gregory Guest" for one in data["notifications"])
    assert [(one["kind"], one["user_id"]) for one in data["links"]] == [("short", None)]
    assert [one["reason"] for one in data["suppressions"]] == ["unsubscribed"]
    assert [one["category"] for one in data["objections"]] == ["marketing"]
    assert answer.body["users"] == ["gregory"]
    assert "other@" not in answer.text


def test_after_the_erasure_of_an_address_nothing_names_it(api: Gateway, pump: Pump, person: Person) -> None:
    """Promise C4: guests can be erased; what they objected to stays under a keyed hash."""
    alone = lives_at(api, pump, to=GUEST)
    person.post(link(address="guest@viewers.example"), ONE_CLICK)
    for _ in range(2):
        assert api.post(ERASE, {"email": "guest@viewers.example"}).status == 204

    left = everything_stored()
    for word in ("guest@", "gregory", "secret-of"):
        assert word not in left, word
    assert "other@viewers.example" in left
    assert not {"user_id", "notification_id", "channel"} & LinkRow.get("c0de").to_simple_dict().keys()
    assert outcome(api, alone)[0] == "sent"
    assert got(api, pump, GUEST) == ("skipped", "suppressed_unsubscribed")
    empty = api.post("/v1/addresses/export", {"email": "other2@viewers.example"}).body["data"]
    assert not any(empty.values())


def test_the_erasure_of_a_user_takes_what_was_sent_to_the_address(api: Gateway, pump: Pump, register: Register) -> None:
    """Promise C4: by address too."""
    register("gregory", email="guest@viewers.example", name="Gregory")
    lives_at(api, pump, to=GUEST)
    assert api.delete("/v1/users/gregory").status == 204

    left = everything_stored()
    assert not [word for word in ("guest@", "gregory", "secret-of") if word in left]


@pytest.mark.parametrize("erased", ["the address", "the user"])
def test_what_waits_for_an_erased_address_is_not_sent(
    api: Gateway, pump: Pump, register: Register, erased: str
) -> None:
    """Promise C4: neither scheduled nor queued, whatever queue it is in; a letter asked for later is."""
    register("gregory", email="guest@viewers.example")
    waiting = [send(api, to=GUEST)]
    pump.run("enrich-instant")
    waiting += [send(api, to=GUEST), send(api, "password-reset", to=GUEST, context=RESET)]
    scheduled = send(api, to=GUEST, send_at=rfc3339(now() + timedelta(hours=1)))
    if erased == "the address":
        api.post(ERASE, {"email": "guest@viewers.example"})
    else:
        api.delete("/v1/users/gregory")
    pump.run()

    assert [outcome(api, one) for one in waiting] == [("skipped", "erased")] * 3
    left = everything_stored()
    assert left.count("guest@viewers.example") == (erased == "the address")  # the user's own row
    [row] = [one for one in stored_rows() if isinstance(one, RequestRow) and one.due_at is not None]
    stored = read_request(row.notification_id)
    assert stored is not None
    Stage.own().accept.enqueue(stored)
    pump.run()
    assert outcome(api, scheduled)[0] in ("skipped", "scheduled")
    assert got(api, pump, GUEST) == ("sent", None)


def test_the_erasure_of_an_address_takes_it_off_uploaded_lists(api: Gateway, pump: Pump) -> None:
    """Promise C4: the other rows stay as they were."""
    lists = Stage.own().lists
    row = lists.add("autumn", by="a test")
    file = b"email,name,town\nGUEST@viewers.example,Gregory,Tver\nother@viewers.example,Olga,Omsk\n"

    class File(Uploads):
        def __init__(self) -> None:
            pass

        def file(self, list_id: str) -> StoredFile:
            return StoredFile([file], len(file))

    assert ListLoader(lists=lists, uploads=File()).load(row.list_id) == "ready"
    exported = api.post("/v1/addresses/export", {"email": "guest@viewers.example"}).body["data"]["lists"]
    assert [(one["list_id"], one["name"]) for one in exported] == [(row.list_id, "Gregory")]
    api.post(ERASE, {"email": "guest@viewers.example"})

    assert [one["email"] for one in lists.block(row.list_id, 0) or []] == ["other@viewers.example"]


def test_addresses_have_the_scopes_of_users(stage: None) -> None:
    reader = gateway(Scope.USERS_READ)

    assert reader.post("/v1/addresses/export", {"email": "a@viewers.example"}).status == 200
    assert reader.post(ERASE, {"email": "a@viewers.example"}).status == 403
    assert gateway(Scope.SEND).post("/v1/addresses/export", {"email": "a@viewers.example"}).status == 403
    assert reader.post("/v1/addresses/export", {"email": "nobody"}).bad_fields == ["email"]


AGAINST: dict[str, Callable[[Gateway, Person], object]] = {
    "the address is erased": lambda api, _: api.post(ERASE, {"email": "ANNA@viewers.example"}),
    "the user is erased": lambda api, _: api.delete("/v1/users/anna"),
    "the mailbox objects": lambda _, person: person.post(link(address=ANNA), ONE_CLICK),
    "a new owner objects": lambda api, _: (
        api.put("/v1/users/boris", {"email": ANNA}),
        api.put("/v1/users/boris/preferences", {"everything": False}),
    ),
    "it is suppressed": lambda api, _: api.post("/v1/suppressions", {"address": ANNA}),
}


@pytest.mark.parametrize("against", AGAINST)
@pytest.mark.parametrize("moves", ["twice", "by a patch"])
def test_a_letter_to_an_address_that_its_user_has_left_heeds_what_stands_against_the_address(
    api: Gateway, pump: Pump, letters: Letters, person: Person, register: Register, against: str, moves: str
) -> None:
    """Promise C4: a letter waits in `deliver`, its user moves, and then the old address or the user is erased."""
    register()
    send(api)
    pump.run("enrich-instant")
    if moves == "twice":
        register(email="second@viewers.example")
        register(email="third@viewers.example")
    else:
        api.call("PATCH", "/v1/users/anna", {"email": "second@viewers.example"})
    AGAINST[against](api, person)
    pump.run()
    assert letters() == []


def test_who_keeps_an_erased_address_gets_what_is_looked_up_afterwards(
    api: Gateway, pump: Pump, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise C4: a user is erased by id; what was asked for before waits for them, and finds them with the address."""
    register()
    monkeypatch.setattr(enrich, "_REPLICA_LAG", timedelta(0))
    asked = send(api)
    api.post(ERASE, {"email": ANNA})
    pump.run()
    assert outcome(api, asked) == ("sent", None)


def test_who_shares_an_address_with_an_erased_user_gets_what_waits(
    api: Gateway, pump: Pump, register: Register
) -> None:
    """Promise C4: the erasure of one user is not the other's."""
    register()
    register("boris", email=ANNA)
    asked = send(api)
    pump.run("enrich-instant")
    api.delete("/v1/users/boris")
    pump.run()
    assert outcome(api, asked) == ("sent", None)


@pytest.mark.parametrize("template", ["promo", "password-reset"])
def test_what_waits_in_deliver_for_an_erased_user_is_not_sent(
    api: Gateway, pump: Pump, register: Register, monkeypatch: pytest.MonkeyPatch, template: str
) -> None:
    """Promise C4: an erasure reaches letters that only wait for their provider; a letter about the account, too, once
    it has waited."""
    register()
    context = (
        RESET if template == "password-reset" else {"headline": "Tonight", "text": "Half", "url": "https://c.example"}
    )
    asked = [
        send(api, template, to={"user_id": "anna"}, context=context),
        send(api, template, to=GUEST, context=context),
    ]
    pump.run("enrich-instant")
    api.delete("/v1/users/anna")
    api.post(ERASE, {"email": "guest@viewers.example"})
    monkeypatch.setattr(last_look, "_FRESH", timedelta(0))
    pump.run()

    assert [outcome(api, one) for one in asked] == [("skipped", "erased")] * 2
