"""The way of one notification, from the call to the letter, on moto."""

from typing import Any

from chalicelib.pipeline.requests import NotificationRequest
from chalicelib.profiles.model import UserBody
from chalicelib.stage.app import Stage
from tests.integration.conftest import Letters, Pump

PROMO = {
    "template": "promo",
    "context": {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"},
}


def request(**fields: Any) -> NotificationRequest:
    return NotificationRequest.model_validate({**PROMO, **fields})


def test_a_user_gets_the_letter_in_their_language(pump: Pump, letters: Letters) -> None:
    Stage.own().directory.put("u-1", UserBody(email="anna@example.com", name="Anna", locale="en"))
    [accepted] = Stage.own().accept.accept(request(recipients=[{"user_id": "u-1"}]), caller="shop", key=None)

    assert pump.run() == []

    [letter] = letters()
    assert letter["to"] == ["anna@example.com"]
    told = Stage.own().history.notification(accepted.id)
    assert told["status"] == "sent"
    assert [event["status"] for event in told["deliveries"][0]["timeline"]] == ["calling", "sent"]


def test_the_same_key_and_body_give_the_same_notification_and_one_letter(pump: Pump, letters: Letters) -> None:
    body = request(recipients=[{"email": "guest@example.com"}])
    first = Stage.own().accept.accept(body, caller="shop", key="order-7")
    again = Stage.own().accept.accept(body, caller="shop", key="order-7")

    pump.run()

    assert [one.id for one in first] == [one.id for one in again]
    assert len(letters()) == 1
