"""Unsubscribing: by the page's button, by a mail program's one click (RFC 8058), by nothing else."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.channels.email import EmailChannel
from chalicelib.channels.port import Message
from chalicelib.reasons import SuppressionReason
from chalicelib.storage.rows.people import PreferencesRow
from tests.integration.api.gateway import Gateway, stored_rows
from tests.integration.conftest import Letters, Pump
from tests.integration.own_say.conftest import Person, Register, outcome, send
from tests.processes import compose

Links = Callable[[], dict[str, str]]
ONE_CLICK = b"List-Unsubscribe=One-Click"
MULTIPART = b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
GUEST = {"email": "guest@viewers.example", "name": "Guest", "locale": "en"}
RESET = {"reset_url": "https://cinema.example/r", "valid_minutes": 30}


@pytest.fixture
def link(api: Gateway, register: Register, links_of_next: Links) -> str:
    """The unsubscribe path in a promo letter to Anna."""
    register()
    send(api)
    return links_of_next()["unsubscribe"]


@pytest.fixture
def guest_link(api: Gateway, links_of_next: Links) -> str:
    """The unsubscribe path in a promo letter to somebody who is no user."""
    send(api, to=GUEST)
    return links_of_next()["unsubscribe"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (ONE_CLICK, "application/x-www-form-urlencoded"),
        (ONE_CLICK, "application/x-www-form-urlencoded; charset=utf-8"),
        (MULTIPART, "multipart/form-data; boundary=x"),
        (ONE_CLICK, "text/plain"),
        (b"", "application/octet-stream"),
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
    ],
)
def test_one_click_works_without_cookies_and_does_not_redirect(
    api: Gateway, link: str, stage: None, body: bytes, content_type: str
) -> None:
    answer = Person({}).post(link, body, content_type)

    assert answer.status == 200
    assert not {"location", "set-cookie"} & set(answer.headers)
    assert api.get("/v1/users/anna/preferences").body["categories"]["marketing"]["email"] is False


def test_the_next_letter_of_that_kind_is_skipped_and_another_kind_comes(
    api: Gateway, link: str, person: Person, pump: Pump, letters: Letters
) -> None:
    person.post(link, ONE_CLICK)
    promo = send(api)
    series = send(api, category="series")
    pump.run()

    assert outcome(api, promo) == ("skipped", "opted_out")
    assert outcome(api, series) == ("sent", None)
    assert len(letters()) == 2


def test_a_letter_on_its_way_is_stopped_by_a_click(
    api: Gateway, link: str, person: Person, pump: Pump, letters: Letters
) -> None:
    promo = send(api)
    pump.run("enrich-instant")
    person.post(link, ONE_CLICK)
    pump.run()

    assert outcome(api, promo) == ("skipped", "opted_out")
    assert len(letters()) == 1


def test_twenty_looks_of_a_scanner_change_nothing(api: Gateway, link: str, person: Person) -> None:
    before = [row.to_simple_dict() for row in stored_rows()]
    for _ in range(20):
        assert person.get(link).status == 200
        assert person.head(link).status == 200

    assert [row.to_simple_dict() for row in stored_rows()] == before


def test_the_page_asks_with_a_button(link: str, person: Person) -> None:
    shown = person.get(link)

    assert "<button>Unsubscribe</button>" in shown.text
    assert 'method="post"' in shown.text
    assert "Premieres and offers" in shown.text


def test_the_pages_own_button_says_what_was_done(link: str, person: Person) -> None:
    done = person.post(link)

    assert done.status == 200
    assert "You are unsubscribed" in done.text


def test_unsubscribing_twice_is_the_same_as_once(api: Gateway, link: str, person: Person) -> None:
    person.post(link, ONE_CLICK)
    once = PreferencesRow.get("anna").preferences
    assert person.post(link, ONE_CLICK).status == 200

    assert PreferencesRow.get("anna").preferences == once


def test_unsubscribing_keeps_what_the_user_chose_before(api: Gateway, link: str, person: Person) -> None:
    chosen = {"categories": {"digest": {"email": False}}, "quiet_hours": {"from": "01:00", "to": "02:00"}}
    api.put("/v1/users/anna/preferences", chosen)
    person.post(link, ONE_CLICK)

    kept = api.get("/v1/users/anna/preferences").body
    assert kept["quiet_hours"] == {"from": "01:00", "to": "02:00"}
    assert (kept["categories"]["digest"]["email"], kept["categories"]["marketing"]["email"]) == (False, False)


def test_everything_can_be_stopped_but_not_the_account(
    api: Gateway, link: str, person: Person, pump: Pump, letters: Letters
) -> None:
    assert "nothing but letters about your account" in person.post(link, b"scope=everything").text
    digest = send(api, category="digest")
    reset = send(api, "password-reset", context=RESET)
    pump.run()

    assert outcome(api, digest) == ("skipped", "opted_out_of_everything")
    assert outcome(api, reset) == ("sent", None)


def test_somebody_who_is_no_user_is_not_written_to_any_more(
    api: Gateway, guest_link: str, person: Person, pump: Pump
) -> None:
    assert "guest@viewers.example" in person.get(guest_link).text
    assert person.post(guest_link, ONE_CLICK).status == 200
    assert person.post(guest_link, ONE_CLICK).status == 200
    again = send(api, to=GUEST)
    pump.run()

    assert outcome(api, again) == ("skipped", "suppressed_unsubscribed")
    told = api.get("/v1/suppressions/email/Guest@viewers.example").body
    assert (told["address"], told["reason"], len(told["trace"])) == (GUEST["email"], SuppressionReason.UNSUBSCRIBED, 1)


def test_a_letter_about_the_account_still_reaches_somebody_who_unsubscribed(
    api: Gateway, guest_link: str, person: Person, pump: Pump
) -> None:
    person.post(guest_link, ONE_CLICK)
    reset = send(api, "password-reset", to=GUEST, context=RESET)
    pump.run()

    assert outcome(api, reset) == ("sent", None)


def test_a_letter_about_the_account_offers_no_unsubscribing(
    api: Gateway, register: Register, links_of_next: Links
) -> None:
    register()
    send(api, "password-reset", context=RESET)

    assert set(links_of_next()) == {"preferences"}


@pytest.mark.parametrize("method", ["get", "head", "post"])
def test_a_forged_token_is_a_404_page_and_changes_nothing(api: Gateway, link: str, person: Person, method: str) -> None:
    before = [row.to_simple_dict() for row in stored_rows()]

    for forged in (link[:-1], link + "x", "/unsubscribe/x", "/unsubscribe/a.b", link.replace(".", "")):
        assert getattr(person, method)(forged).status == 404
    assert [row.to_simple_dict() for row in stored_rows()] == before


class _Post:
    """An e-mail channel that keeps what it is given."""

    name = "email"
    batch_size = EmailChannel.batch_size

    def __init__(self) -> None:
        self.taken: list[Message] = []

    def send(self, messages: Any) -> Any:
        from chalicelib.channels.port import Outcome, Verdict

        self.taken += messages
        return [Outcome(Verdict.ACCEPTED, provider_id=f"p-{n}") for n, _ in enumerate(messages)]


@pytest.fixture
def post(stage: None, monkeypatch: pytest.MonkeyPatch) -> _Post:
    from chalicelib.stage.app import Stage

    channel = _Post()
    compose(channels={**Stage.own().channels, "email": channel})
    return channel


@pytest.mark.parametrize("lane", ["instant", "bulk"])
def test_both_headers_are_in_every_letter_that_can_be_unsubscribed_from(
    api: Gateway, register: Register, pump: Pump, post: _Post, person: Person, lane: str
) -> None:
    register()
    recipients = [{"user_id": "anna"}, GUEST]
    promo = {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"}
    api.post("/v1/notifications", {"template": "promo", "recipients": recipients, "context": promo, "lane": lane})
    pump.run()

    assert len(post.taken) == 2
    for message in post.taken:
        https = message.headers["List-Unsubscribe"].strip("<>")
        assert message.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert https.startswith("https://notify.cinema.example/unsubscribe/")
        assert person.post(https.removeprefix("https://notify.cinema.example"), ONE_CLICK).status == 200
    assert PreferencesRow.get("anna").preferences["categories"]["marketing"] == {"email": False}


def test_the_header_of_the_longest_address_is_one_that_ses_takes(api: Gateway, pump: Pump, post: _Post) -> None:
    longest = f"{'a' * 64}@{'.'.join(['b' * 45] * 4)}.example"[:254]
    send(api, to={"email": longest, "locale": "en"})
    pump.run()

    [message] = post.taken
    assert len(message.headers["List-Unsubscribe"]) <= 870  # SES v2: a header's value


def test_a_letter_about_the_account_cannot_be_unsubscribed_from_and_is_of_no_list(
    api: Gateway, register: Register, pump: Pump, post: _Post
) -> None:
    register()
    send(api, "password-reset", context=RESET)
    pump.run()

    [message] = post.taken
    assert message.headers == {"Auto-Submitted": "auto-generated"}
