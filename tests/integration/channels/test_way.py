"""Each channel in the way of a notification, from the API's intake to the ledger: once, whatever is repeated."""

from typing import Any

import boto3
import pytest

from chalicelib.pipeline.requests import NotificationRequest
from chalicelib.profiles.model import UserBody
from chalicelib.stage.app import Stage
from tests.integration.channels.conftest import SECRET
from tests.integration.channels.receiver import Receiver
from tests.integration.conftest import Pump
from tests.processes import compose

PROMO = {
    "template": "promo",
    "context": {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"},
}
NEW = ["sms", "push", "webhook", "chat"]


def texts() -> list[Any]:
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.sns.models import sns_backends

    return list(sns_backends[DEFAULT_ACCOUNT_ID]["eu-central-1"].sms_messages.values())


def pushed() -> list[Any]:
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.sns.models import sns_backends

    endpoints = sns_backends[DEFAULT_ACCOUNT_ID]["eu-central-1"].platform_endpoints
    return [message for endpoint in endpoints.values() for message in endpoint.messages.values()]


@pytest.fixture
def anna(pump: Pump, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody with a phone, a device, a webhook and a chat."""
    monkeypatch.setenv("VESTNIK_PRIVATE_ADDRESSES", "true")
    monkeypatch.setenv("VESTNIK_CHAT_KINDS", "json")
    compose()
    Stage.own().directory.put("anna", UserBody(email="anna@example.com", phone="+79261234567", locale="en"))
    sns = boto3.client("sns")
    app = sns.create_platform_application(Name="vestnik-test-app", Platform="GCM", Attributes={})
    device = sns.create_platform_endpoint(PlatformApplicationArn=app["PlatformApplicationArn"], Token="t" * 20)
    book, host = Stage.own().endpoints, receiver.url.removeprefix("http://")
    book.add("anna", "push", target=device["EndpointArn"], shown="", name=None)
    book.add("anna", "webhook", target=f"{receiver.url}/hook", shown="", name=None, secret=SECRET)
    book.add("anna", "chat", target=f"json://{host}/chat", shown="", name=None)


def arrived(receiver: Receiver) -> dict[str, int]:
    paths = [one.path for one in receiver.taken]
    return {
        "sms": len(texts()),
        "push": len(pushed()),
        "webhook": sum("/hook" in path for path in paths),
        "chat": sum("/chat" in path for path in paths),
    }


def accept(channels: list[str], lane: str = "instant") -> str:
    request = NotificationRequest.model_validate(
        {**PROMO, "recipients": [{"user_id": "anna"}], "channels": channels, "lane": lane}
    )
    return Stage.own().accept.accept(request, caller="shop", key=None)[0].id


@pytest.mark.parametrize("lane", ["instant", "bulk"])
def test_it_arrives_on_every_channel_that_was_asked_for(anna: None, pump: Pump, receiver: Receiver, lane: str) -> None:
    sent = accept(NEW, lane)
    assert pump.run() == []
    assert arrived(receiver) == dict.fromkeys(NEW, 1)
    deliveries = Stage.own().history.notification(sent)["deliveries"]
    assert {one["channel"]: one["status"] for one in deliveries} == dict.fromkeys(NEW, "sent")


@pytest.mark.parametrize("channel", NEW)
def test_a_job_that_comes_twice_is_sent_once(anna: None, pump: Pump, receiver: Receiver, channel: str) -> None:
    accept([channel])
    pump.run("enrich-instant")
    [body] = pump.bodies(f"deliver-{channel}")
    pump.put(f"deliver-{channel}", body)
    assert pump.run() == []
    assert arrived(receiver)[channel] == 1


@pytest.mark.parametrize("channel", NEW)
def test_who_cannot_be_reached_there_is_skipped(pump: Pump, channel: str) -> None:
    Stage.own().directory.put("anna", UserBody(email="anna@example.com"))
    sent = accept([channel])
    assert pump.run() == []
    [delivery] = Stage.own().history.notification(sent)["deliveries"]
    assert (delivery["status"], delivery["reason"]) == ("skipped", "no_address")


def test_a_server_of_one_user_that_fails_opens_no_switch_for_the_others(
    anna: None, pump: Pump, receiver: Receiver
) -> None:
    from chalicelib.stage.app import Stage

    receiver.faults += [500] * 8
    for _ in range(8):
        accept(["webhook"])
    pump.run()
    assert Stage.own().switches.admit("webhook").allowed
    accept(["webhook"])
    pump.run()
    assert arrived(receiver)["webhook"] == 1
