"""One letter to one addressee, however often and however spelled a request or a list names them."""

from typing import Any

import pytest

from chalicelib.pipeline.requests import NotificationRequest
from chalicelib.profiles.model import UserBody
from chalicelib.stage.app import Stage
from tests.integration.conftest import Letters, Pump
from tests.integration.pipeline.test_routing import seen

PROMO = {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"}


def send(*recipients: dict[str, Any], template: str = "promo", **more: Any) -> list[Any]:
    body = {"template": template, "recipients": recipients, "context": PROMO, **more}
    request = NotificationRequest.model_validate(body)
    return list(Stage.own().accept.accept(request, caller="shop", key="one"))


@pytest.mark.parametrize(
    "twice",
    [
        ({"user_id": "anna"}, {"user_id": "anna"}),
        ({"email": "guest@example.com"}, {"email": "Guest@Example.COM"}),
        ({"email": "guest@почта.рф"}, {"email": "guest@xn--80a1acny.xn--p1ai", "name": "Guest"}),
    ],
)
def test_the_same_recipient_twice_in_a_request_is_one(pump: Pump, letters: Letters, twice: Any) -> None:
    """Promise C6: one letter, and the answer says so."""
    Stage.own().directory.put("anna", UserBody(email="anna@example.com"))
    other = {"email": "other@example.com"}
    first, again, last = send(twice[0], twice[1], other)
    assert (first.duplicate, again.duplicate, last.duplicate) == (False, True, False)
    assert first.id == again.id != last.id
    pump.run()
    assert len(letters()) == 2
    assert [one.id for one in send(twice[0], twice[1], other)] == [first.id, again.id, last.id]
    pump.run()
    assert len(letters()) == 2


def test_a_user_and_their_own_address_are_one(pump: Pump, letters: Letters) -> None:
    """Promise C6: the user's letter goes, the one to the bare address is a duplicate."""
    Stage.own().directory.put("anna", UserBody(email="anna@example.com"))
    guest, anna = send({"email": "Anna@example.com"}, {"user_id": "anna"})
    pump.run()
    assert len(letters()) == 1
    assert seen(anna.id)["email"] == ("sent", None)
    assert seen(guest.id)["email"] == ("skipped", "duplicate")


def test_two_users_of_one_address_get_one_letter_but_each_that_of_their_account(pump: Pump, letters: Letters) -> None:
    """Promise C6: what is written to counts; a letter about an account speaks of that account."""
    for user in ("anna", "boris"):
        Stage.own().directory.put(user, UserBody(email="family@example.com"))
    both = ({"user_id": "anna"}, {"user_id": "boris"})
    ids = [one.id for one in send(*both)]
    pump.run()
    assert len(letters()) == 1
    assert [seen(one)["email"] for one in ids] == [("sent", None), ("skipped", "duplicate")]
    request = NotificationRequest.model_validate({"template": "welcome", "recipients": both})
    Stage.own().accept.accept(request, caller="shop", key=None)
    pump.run()
    assert len(letters()) == 3
