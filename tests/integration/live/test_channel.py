"""The live channel in the way of a notification."""

from typing import Any

import pytest

from chalicelib.channels.live import LiveChannel
from chalicelib.channels.port import Message, Verdict
from chalicelib.pipeline.requests import NotificationRequest
from chalicelib.profiles.model import UserBody
from chalicelib.profiles.preferences import Preferences
from chalicelib.reasons import Reason
from chalicelib.stage.app import Stage
from tests.integration.conftest import Letters, Pump
from tests.integration.live.conftest import Come, Gateway

PROMO = {
    "template": "promo",
    "context": {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"},
}


def accept(**fields: Any) -> str:
    request = NotificationRequest.model_validate({**PROMO, **fields})
    return Stage.own().accept.accept(request, caller="shop", key=None)[0].id


@pytest.mark.parametrize("lane", ["instant", "bulk"])
def test_a_user_who_is_not_here_finds_it_in_the_inbox_and_it_is_sent(pump: Pump, lane: str) -> None:
    Stage.own().directory.put("anna", UserBody(name="Anna", locale="en"))
    sent = accept(recipients=[{"user_id": "anna"}], channels=["live"], lane=lane)
    assert pump.run() == []
    [entry] = Stage.own().inbox.page("anna", before=None, limit=10).entries
    assert (entry["id"], entry["title"], entry["body"]) == (sent, "Tonight", "Half price")
    assert entry["url"].startswith("https://")
    assert Stage.own().history.notification(sent)["status"] == "sent"


def test_a_letter_and_a_live_notification_go_their_own_ways(gateway: Gateway, come: Come, letters: Letters) -> None:
    anna = come("anna")
    Stage.own().directory.put("anna", UserBody(email="anna@example.com", locale="en"))
    accept(recipients=[{"user_id": "anna"}], channels=["email", "live"])
    gateway._pump.run()
    assert len(letters()) == 1
    assert "Tonight" in gateway.frames[anna][-1]


def test_the_live_channel_is_used_only_when_it_is_named(pump: Pump, letters: Letters) -> None:
    Stage.own().directory.put("anna", UserBody(email="anna@example.com"))
    accept(recipients=[{"user_id": "anna"}])
    pump.run()
    assert len(letters()) == 1
    assert Stage.own().inbox.head("anna").last == 0


def test_a_user_may_switch_live_notifications_off(pump: Pump) -> None:
    Stage.own().directory.put("anna", UserBody(name="Anna"))
    off = Preferences.model_validate({"categories": {"marketing": {"live": False}}})
    Stage.own().preferences.put("anna", off)
    sent = accept(recipients=[{"user_id": "anna"}], channels=["live"])
    pump.run()
    assert Stage.own().inbox.head("anna").last == 0
    assert Stage.own().history.notification(sent)["status"] == "skipped"


def test_what_the_inbox_did_not_take_may_be_sent_again() -> None:
    class Nowhere:
        def announce(self, notices: Any) -> list[int | Reason]:
            return [Reason.INBOX_UNAVAILABLE for _ in notices]

    message = Message(delivery_id="n_live", address="anna", parts={"title": "t"}, tags={})
    [outcome] = LiveChannel(Nowhere()).send([message])
    assert (outcome.verdict, outcome.reason) == (Verdict.NOT_ACCEPTED, Reason.INBOX_UNAVAILABLE)
