"""The welcome letter's short link: it confirms the address it was sent to, counts its visits, and leads to where
managers say."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.clock import now, parse_rfc3339, rfc3339
from chalicelib.stage.app import Stage
from chalicelib.storage.rows.links import LinkRow
from chalicelib.storage.rows.people import UserRow
from tests.integration.api.gateway import Gateway, stored_rows
from tests.integration.conftest import Letters, Pump
from tests.integration.own_say.conftest import BROWSER, Person, Register, links_in, send
from tests.unit.control.test_redirects import TRICKS

Links = Callable[[], dict[str, str]]


@pytest.fixture
def link(api: Gateway, register: Register, links_of_next: Links) -> str:
    """The path of the confirmation link in Anna's welcome letter."""
    register()
    send(api, "welcome")
    return links_of_next()["s"]


def change_link(path: str, **fields: Any) -> None:
    row = LinkRow.get(path.rpartition("/")[2])
    for name, value in fields.items():
        setattr(row, name, value)
    row.save()


def is_confirmed(api: Gateway) -> bool:
    return bool(api.get("/v1/users/anna").body["email_confirmed"])


def test_a_visit_confirms_the_address_and_leads_to_the_site(api: Gateway, link: str, person: Person) -> None:
    answer = person.get(link)

    assert (answer.status, answer.headers["location"]) == (302, "https://cinema.example")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    row = UserRow.get("anna")
    assert row.confirmed_email == "anna@viewers.example"
    assert row.confirmed_at is not None
    assert is_confirmed(api)


@pytest.mark.parametrize("tail", [")", ".", "%29."])
def test_a_link_with_the_full_stop_of_its_sentence_confirms_too(
    api: Gateway, link: str, person: Person, tail: str
) -> None:
    """Promise E6: what no code contains is cut off."""
    assert person.get(link + tail).status == 302
    assert is_confirmed(api)


def test_the_code_is_of_160_bits(link: str) -> None:
    assert len(link.removeprefix("/s/")) == 27


def test_each_visit_redirects_and_is_counted(api: Gateway, link: str, person: Person) -> None:
    assert [person.get(link).status for _ in range(3)] == [302] * 3

    counted = api.get(f"/v1/links/{link.removeprefix('/s/')}").body
    assert (counted["visits"], counted["bot_visits"]) == (3, 0)
    assert counted["first_visited_at"] < counted["last_visited_at"]
    assert counted["user_id"] == "anna"


def test_a_second_visit_does_not_change_when_it_was_confirmed(link: str, person: Person) -> None:
    person.get(link)
    first = UserRow.get("anna").confirmed_at
    person.get(link)

    assert UserRow.get("anna").confirmed_at == first


def test_the_first_visit_shows_in_the_delivery(api: Gateway, link: str, person: Person) -> None:
    person.get(link)
    person.get(link)

    [notification] = api.get("/v1/users/anna/notifications").body["notifications"]
    events = [one["event"] for one in notification["deliveries"][0]["timeline"]]
    assert events.count("clicked") == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"user-agent": "Mozilla/5.0 (compatible; Barracuda Sentinel)"},
        {"user-agent": "Mozilla/5.0"},
        {},
        {"user-agent": BROWSER, "sec-purpose": "prefetch;prerender"},
        {"user-agent": BROWSER, "purpose": "preview"},
        {"user-agent": BROWSER, "x-purpose": "preview"},
        {"user-agent": BROWSER, "x-moz": "prefetch"},
    ],
)
def test_what_is_known_to_be_a_program_confirms_nothing(
    api: Gateway, link: str, person: Person, headers: dict[str, str]
) -> None:
    """Promise D5: a scanner is sent on and counted apart; the person after it confirms."""
    answer = Person(headers).get(link)

    assert (answer.status, answer.headers["location"]) == (302, "https://cinema.example")
    assert not is_confirmed(api)
    counted = api.get(f"/v1/links/{link.removeprefix('/s/')}").body
    assert (counted["visits"], counted["bot_visits"], counted["confirmed_at"]) == (0, 1, None)

    person.get(link)

    assert is_confirmed(api)


def test_a_head_request_changes_nothing(api: Gateway, link: str, person: Person) -> None:
    before = [row.to_simple_dict() for row in stored_rows()]
    answer = person.head(link)

    assert (answer.status, answer.headers["location"], answer.text) == (302, "https://cinema.example", "")
    assert [row.to_simple_dict() for row in stored_rows()] == before
    assert not is_confirmed(api)


@pytest.mark.parametrize("end", ["expired", "revoked", "unknown"])
@pytest.mark.parametrize("method", ["get", "head"])
def test_a_link_that_is_over_is_a_404_page_and_changes_nothing(
    api: Gateway, link: str, person: Person, end: str, method: str
) -> None:
    if end == "expired":
        change_link(link, valid_until=rfc3339(now() - timedelta(seconds=1)))
    elif end == "revoked":
        assert api.delete(f"/v1/links/{link.removeprefix('/s/')}").status == 204
    else:
        link = link[:-2] + "AA"
    before = [row.to_simple_dict() for row in stored_rows()]

    answer = getattr(person, method)(link)

    assert answer.status == 404
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert ("There is no such link" in answer.text) is (method == "get")
    assert [row.to_simple_dict() for row in stored_rows()] == before


def test_the_404_page_speaks_russian_too(stage: None) -> None:
    russian = Person({"accept-language": "ru-RU,ru;q=0.9,en;q=0.5"})

    assert "Такой ссылки нет" in russian.get("/s/nothing").text


def test_a_link_for_an_old_address_confirms_nothing(api: Gateway, link: str, person: Person) -> None:
    api.patch("/v1/users/anna", {"email": "new@viewers.example"})

    assert person.get(link).status == 404
    assert not is_confirmed(api)
    assert UserRow.get("anna").confirmed_email is None


def test_an_address_that_is_changed_after_the_visit_is_not_confirmed(api: Gateway, link: str, person: Person) -> None:
    person.get(link)
    api.patch("/v1/users/anna", {"email": "new@viewers.example"})

    assert not is_confirmed(api)


def test_the_redirect_is_the_settings_value_at_the_moment_of_the_visit(api: Gateway, link: str, person: Person) -> None:
    person.get(link)
    assert api.put("/v1/settings/redirect_url", {"value": "https://cinema.example/hello"}).status == 200

    assert person.get(link).headers["location"] == "https://cinema.example/hello"


def test_a_link_with_a_target_of_its_own_goes_there(link: str, person: Person) -> None:
    change_link(link, redirect_url="https://cinema.example/own")

    assert person.get(link).headers["location"] == "https://cinema.example/own"


def test_a_target_whose_host_left_the_list_is_not_followed(api: Gateway, link: str, person: Person) -> None:
    api.put("/v1/settings/allowed_hosts", {"value": ["partner.example"]})
    change_link(link, redirect_url="https://partner.example/x")
    assert person.get(link).headers["location"] == "https://partner.example/x"

    api.put("/v1/settings/allowed_hosts", {"value": []})

    assert person.get(link).headers["location"] == "https://cinema.example"


def test_no_trick_in_a_link_or_in_the_setting_redirects_off_the_list(api: Gateway, link: str, person: Person) -> None:
    seen = set()
    for trick in TRICKS:
        assert api.put("/v1/settings/redirect_url", {"value": trick}).status == 422, trick
        change_link(link, redirect_url=trick)
        seen.add(person.get(link).headers["location"])

    assert seen == {"https://cinema.example"}


def test_the_letter_greets_by_name_and_says_how_long_the_link_works(
    api: Gateway, register: Register, pump: Pump, letters: Letters
) -> None:
    register(timezone="Europe/Moscow")
    send(api, "welcome")
    pump.run()

    [letter] = letters()
    assert "Anna" in letter["subject"]
    link = LinkRow.get(links_in(letter)["s"].removeprefix("/s/"))
    assert now() + timedelta(days=2) < parse_rfc3339(link.valid_until) < now() + timedelta(days=4)


def test_a_letter_that_is_worked_on_twice_has_one_link(
    api: Gateway, register: Register, pump: Pump, letters: Letters, person: Person
) -> None:
    register()
    send(api, "welcome")
    pump.run("enrich-instant")
    [job] = pump.bodies("deliver-email")
    pump.run()
    [link] = [links_in(letter)["s"] for letter in letters()]
    person.get(link)
    pump.put("deliver-email", job)
    pump.run()

    assert len(letters()) == 1
    [row] = LinkRow.scan()
    assert (f"/s/{row.code}", int(row.visits)) == (link, 1)


def test_the_letter_is_sent_again_on_demand_but_not_too_often(
    api: Gateway, register: Register, pump: Pump, letters: Letters
) -> None:
    register()
    answers = [api.post("/v1/users/anna/confirmation") for _ in range(4)]
    pump.run()

    assert [answer.status for answer in answers] == [202, 202, 202, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 3600
    assert answers[-1].body["title"] == "Too Many Requests"
    assert len({links_in(letter)["s"] for letter in letters()}) == 3


def test_one_users_wish_for_another_letter_does_not_limit_another_user(api: Gateway, register: Register) -> None:
    register("anna")
    register("boris")
    for _ in range(3):
        api.post("/v1/users/anna/confirmation")

    assert api.post("/v1/users/boris/confirmation").status == 202


def test_send_it_again_counts_the_address_too(api: Gateway) -> None:
    """Promise C7: other users with the same address, in another spelling, have no more letters for it."""
    for n in range(4):
        api.put(f"/v1/users/u-{n}", {"email": "family@example.com" if n % 2 else "Family@Example.com"})
    answers = [api.post(f"/v1/users/u-{n}/confirmation").status for n in range(4)]
    assert answers == [202, 202, 202, 429]


def test_nothing_is_sent_again_where_there_is_nothing_to_confirm(
    api: Gateway, link: str, person: Person, register: Register
) -> None:
    person.get(link)
    register("boris", email=None)

    assert api.post("/v1/users/anna/confirmation").status == 409
    assert api.post("/v1/users/boris/confirmation").status == 409
    assert api.post("/v1/users/nobody/confirmation").status == 404


def test_the_time_that_links_work_is_a_setting(api: Gateway, register: Register, links_of_next: Links) -> None:
    api.put("/v1/settings/link_days", {"value": {"confirmation": 30, "short": 5}})
    Stage.own().site_settings.current(fresh=True)
    register()
    send(api, "welcome")

    row = LinkRow.get(links_of_next()["s"].removeprefix("/s/"))
    assert now() + timedelta(days=29) < parse_rfc3339(row.valid_until)
