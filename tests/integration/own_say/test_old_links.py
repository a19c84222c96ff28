"""A link from an old letter opens nothing: whoever it was written to gets a new one, and nobody else does."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.clock import derived_id, now
from chalicelib.pipeline.jobs import DeliverJob, DeliverRecipient, LetterSpec
from chalicelib.pipeline.letter_links import JobLinks, LetterLinkMaker, LetterLinks
from chalicelib.security.signing import RENEWED, LetterClaims, Purpose, Tokens
from chalicelib.stage.app import Stage
from tests.integration.api.gateway import Gateway
from tests.integration.conftest import Letters, Pump
from tests.integration.own_say.conftest import Person, Register, links_in, outcome, send

ONE_CLICK = b"List-Unsubscribe=One-Click"
GUEST = "guest@viewers.example"


def old(
    purpose: Purpose = Purpose.PREFERENCES,
    *,
    user_id: str | None = "anna",
    address: str | None = None,
    channel: str = "email",
    n: int = 1,
) -> str:
    """The path of a link in a letter of two years ago."""
    then = Tokens(Stage.own().signer, clock=lambda: now() - timedelta(days=730))
    claims = LetterClaims(user_id, address, channel, "marketing", derived_id(f"n-{n}"))
    return f"/{purpose.value}/{then.make(claims, purpose)[0]}"


def renewal(path: str) -> str:
    """Where the button of the page leads."""
    return f"/new-link{path}"


def hashed(address: str) -> str:
    return Stage.own().address_hashes.owner("email", address)


def new_letter(pump: Pump, letters: Letters) -> Mapping[str, Any]:
    assert pump.run() == []
    [letter] = letters()
    return letter


@pytest.mark.parametrize("purpose", RENEWED)
def test_an_old_link_shows_nothing_and_changes_nothing(
    register: Register, person: Person, api: Gateway, purpose: Purpose
) -> None:
    """Promise I7: by GET, by POST and by one click."""
    register()
    before = api.get("/v1/users/anna/preferences").body
    for seen in (person.get(old(purpose)), person.post(old(purpose), b"nothing=on&channels=email")):
        assert (seen.status, "This link is too old" in seen.text) == (410, True)
        assert "viewers.example" not in seen.text
    assert person.post(old(purpose), ONE_CLICK).status == 410
    assert f'action="https://notify.cinema.example{renewal(old(purpose))}"' in person.get(old(purpose)).text
    assert api.get("/v1/users/anna/preferences").body == before


def test_a_new_link_comes_by_mail_to_the_reader_and_works(
    register: Register, person: Person, pump: Pump, letters: Letters
) -> None:
    register()
    assert "on its way" in person.post(renewal(old())).text
    letter = new_letter(pump, letters)
    assert letter["to"] == ["anna@viewers.example"]
    links = links_in(letter)
    assert person.get(links["preferences"]).status == 200


def test_somebody_who_is_no_user_unsubscribes_by_a_new_link(
    api: Gateway, person: Person, pump: Pump, letters: Letters
) -> None:
    person.post(renewal(old(Purpose.UNSUBSCRIBE, user_id=None, address=GUEST)))
    link = links_in(new_letter(pump, letters))["unsubscribe"]
    assert person.post(link, ONE_CLICK).status == 200
    again = send(api, to={"email": GUEST})
    pump.run()
    assert outcome(api, again) == ("skipped", "suppressed_unsubscribed")


def test_nobody_is_written_to_who_has_another_address_now_or_is_erased(
    api: Gateway, register: Register, person: Person, pump: Pump, letters: Letters
) -> None:
    """Promise I7: and whoever holds the letter is told nothing."""
    register()
    moved = old(address=hashed("before@viewers.example"))
    told = person.post(renewal(moved))
    mine = person.post(renewal(old(address=hashed("anna@viewers.example"), n=2)))
    assert told.text == mine.text  # who holds an old letter is told nothing
    new_letter(pump, letters)
    api.delete("/v1/users/anna")
    assert person.post(renewal(old(n=3))).text == told.text
    assert pump.run() == []
    assert len(letters()) == 1


def test_a_letter_about_an_account_knows_its_address_too(
    register: Register, person: Person, pump: Pump, letters: Letters
) -> None:
    """Promise I7: whoever has left it gets no new link for what was sent there."""
    register()
    letter = LetterSpec(
        template="welcome",
        template_version=0,
        category="account",
        lane="instant",
        context={},
        request_id="r",
        accepted_at="2024-11-29T12:00:00Z",
    )
    reader = DeliverRecipient(
        notification_id=derived_id("n-1"), user_id="anna", address="left@viewers.example", locale="en", user={}
    )
    old = Tokens(Stage.own().signer, clock=lambda: now() - timedelta(days=730))
    job = DeliverJob(letter=letter, channel="email", recipients=(reader,))
    maker = LetterLinkMaker(**(vars(Stage.own().link_maker) | {"tokens": old}))
    link = LetterLinks(JobLinks.of(maker, job, Stage.own().templates.get("welcome")), reader).pages["preferences"]
    assert link is not None
    assert person.post(renewal(link.removeprefix("https://notify.cinema.example"))).status == 410
    pump.run()
    assert letters() == []


def test_an_old_letter_in_strange_hands_fills_no_mailbox(
    register: Register, person: Person, pump: Pump, letters: Letters
) -> None:
    """Promise I7: a few letters a day."""
    register()
    for n in range(6):
        for _ in range(3):
            assert person.post(renewal(old(n=n))).status == 410
    pump.run()
    assert len(letters()) <= 3


@pytest.mark.parametrize(("user_id", "address"), [("anna", None), (None, GUEST)])
def test_whoever_asks_again_in_another_way_is_told_the_same(
    register: Register, person: Person, pump: Pump, letters: Letters, user_id: str | None, address: str | None
) -> None:
    """Promise I7: in another language, by a letter of another channel; one letter comes, and no page mentions it."""
    register()
    russian = Person({**person.headers, "accept-language": "ru"})
    for channel in ("email", "email", "push", "chat"):
        path = renewal(old(Purpose.UNSUBSCRIBE, user_id=user_id, address=address, channel=channel))
        assert (person.post(path).status, russian.post(path).status) == (410, 410), channel
    pump.run()
    assert 1 <= len(letters()) <= 3


def test_the_page_is_in_the_reader_s_language(person: Person) -> None:
    assert "Ссылка устарела" in person.get(old(), lang="ru").text


def test_a_link_that_works_is_led_to_and_a_forged_one_is_unknown(register: Register, person: Person) -> None:
    register()
    claims = LetterClaims("anna", None, "email", "marketing", derived_id("n-1"))
    path = f"/preferences/{Stage.own().tokens.make(claims, Purpose.PREFERENCES)[0]}"
    led = person.post(renewal(path))
    assert (led.status, led.headers["location"]) == (303, f"https://notify.cinema.example{path}")
    for forged in (renewal(old())[:-3], renewal(old()).replace("preferences", "unsubscribe"), "/new-link/admin/x.y"):
        assert person.post(forged).status == 404
    assert person.get(renewal(old())).status == 410
