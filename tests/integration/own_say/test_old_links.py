"""A link from an old letter opens nothing: whoever it was written to gets a new one, and nobody else does."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.clock import derived_id, now
from chalicelib.control.tokens import LetterClaims, Purpose, Tokens
from chalicelib.wiring import signing as wiring_signing
from tests.integration.api.gateway import Gateway
from tests.integration.conftest import Letters, Pump
from tests.integration.own_say.conftest import Person, Register, links_in, outcome, send

ASKS = b"ask=new-link"
ONE_CLICK = b"List-Unsubscribe=One-Click"
GUEST = "guest@viewers.example"


def old(
    purpose: Purpose = Purpose.PREFERENCES, *, user_id: str | None = "anna", address: str | None = None, n: int = 1
) -> str:
    """The path of a link in a letter of two years ago."""
    then = Tokens(wiring_signing.signer(), clock=lambda: now() - timedelta(days=730))
    claims = LetterClaims(user_id, address, "email", "marketing", derived_id(f"n-{n}"))
    return f"/{purpose.value}/{then.make(claims, purpose)[0]}"


def hashed(address: str) -> str:
    return wiring_signing.address_hashes().owner("email", address)


def new_letter(pump: Pump, letters: Letters) -> Mapping[str, Any]:
    assert pump.run() == []
    [letter] = letters()
    return letter


@pytest.mark.parametrize("purpose", Purpose)
def test_an_old_link_shows_nothing_and_changes_nothing(
    register: Register, person: Person, api: Gateway, purpose: Purpose
) -> None:
    register()
    before = api.get("/v1/users/anna/preferences").body
    for seen in (person.get(old(purpose)), person.post(old(purpose), b"nothing=on&channels=email")):
        assert (seen.status, "This link is too old" in seen.text) == (410, True)
        assert "viewers.example" not in seen.text
    assert person.post(old(purpose), ONE_CLICK).status == 410
    assert api.get("/v1/users/anna/preferences").body == before


def test_a_new_link_comes_by_mail_to_the_reader_and_works(
    register: Register, person: Person, pump: Pump, letters: Letters
) -> None:
    register()
    assert "on its way" in person.post(old(), ASKS).text
    letter = new_letter(pump, letters)
    assert letter["to"] == ["anna@viewers.example"]
    links = links_in(letter)
    assert person.get(links["preferences"]).status == 200


def test_somebody_who_is_no_user_unsubscribes_by_a_new_link(
    api: Gateway, person: Person, pump: Pump, letters: Letters
) -> None:
    person.post(old(Purpose.UNSUBSCRIBE, user_id=None, address=GUEST), ASKS)
    link = links_in(new_letter(pump, letters))["unsubscribe"]
    assert person.post(link, ONE_CLICK).status == 200
    again = send(api, to={"email": GUEST})
    pump.run()
    assert outcome(api, again) == ("skipped", "suppressed_unsubscribed")


def test_nobody_is_written_to_who_has_another_address_now_or_is_erased(
    api: Gateway, register: Register, person: Person, pump: Pump, letters: Letters
) -> None:
    register()
    moved = old(address=hashed("before@viewers.example"))
    told = person.post(moved, ASKS)
    mine = person.post(old(address=hashed("anna@viewers.example"), n=2), ASKS)
    assert told.text == mine.text  # who holds an old letter is told nothing
    new_letter(pump, letters)
    api.delete("/v1/users/anna")
    assert person.post(old(n=3), ASKS).text == told.text
    assert pump.run() == []
    assert len(letters()) == 1


def test_an_old_letter_in_strange_hands_fills_no_mailbox(
    register: Register, person: Person, pump: Pump, letters: Letters
) -> None:
    register()
    for n in range(6):
        for _ in range(3):
            assert person.post(old(n=n), ASKS).status == 410
    pump.run()
    assert len(letters()) <= 3


def test_the_page_is_in_the_reader_s_language(person: Person) -> None:
    assert "Ссылка устарела" in person.get(old(), lang="ru").text
