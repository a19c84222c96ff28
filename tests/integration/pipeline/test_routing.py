"""Routes: which channels a letter takes, one after the other or all, and what the timeline says about it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import boto3
import pytest

from chalicelib.channels.port import Message, Outcome, Verdict
from chalicelib.clock import now
from chalicelib.deliveries import DeliveryKey, DeliveryStatus, Move
from chalicelib.errors import InvalidError
from chalicelib.pipeline.requests import NotificationRequest
from chalicelib.profiles.model import UserBody
from chalicelib.profiles.preferences import Preferences
from chalicelib.stage.app import Stage
from chalicelib.states import Engagement
from tests.integration.conftest import Letters, Pump
from tests.ledgers import engage
from tests.processes import compose

PROMO = {
    "template": "promo",
    "context": {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"},
}
CHANNELS = ["email", "sms", "live"]


@pytest.fixture
def anna(pump: Pump) -> Pump:
    Stage.own().directory.put("anna", UserBody(email="anna@example.com", phone="+79261234567", locale="en"))
    return pump


def route(mode: str, channels: list[str] = CHANNELS, **more: Any) -> None:
    Stage.own().settings_changes.put("routes", {"marketing": {"channels": channels, "mode": mode, **more}}, by="test")


def accept(**fields: Any) -> str:
    request = NotificationRequest.model_validate({**PROMO, "recipients": [{"user_id": "anna"}], **fields})
    return Stage.own().accept.accept(request, caller="shop", key=None)[0].id


def seen(notification_id: str) -> dict[str, tuple[str, str | None]]:
    found = Stage.own().history.notification(notification_id)
    return {one["channel"]: (one["status"], one["reason"]) for one in found["deliveries"]}


def rules(notification_id: str, channel: str) -> list[str | None]:
    found = Stage.own().history.notification(notification_id)
    [delivery] = [one for one in found["deliveries"] if one["channel"] == channel]
    return [event.get("rule") for event in delivery["timeline"]]


def pump_all(pump: Pump) -> None:
    """Also what goes on at once by way of the retry queue."""
    for _ in range(4):
        assert pump.run() == []
        assert pump.run("retry") == []
    assert pump.run() == []


class Refusing:
    """The e-mail channel of a provider that answers as it is told."""

    name, batch_size = "email", 50

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome

    def send(self, messages: list[Message]) -> list[Outcome]:
        return [self.outcome] * len(messages)


@pytest.fixture
def email_answers(monkeypatch: pytest.MonkeyPatch) -> Callable[[Verdict], None]:
    def answers(verdict: Verdict) -> None:
        compose(channels={**Stage.own().channels, "email": Refusing(Outcome(verdict, reason="told"))})

    return answers


def test_without_a_route_the_template_decides(anna: Pump) -> None:
    sent = accept()
    pump_all(anna)
    assert seen(sent) == {"email": ("sent", None)}


def test_all_of_a_route_is_each_of_its_channels_that_the_template_is_written_for(anna: Pump) -> None:
    route("all")
    sent = accept()
    pump_all(anna)
    assert seen(sent) == dict.fromkeys(CHANNELS, ("sent", None))
    assert "route marketing: all of email, sms, live" in rules(sent, "sms")


def test_a_caller_who_names_channels_gets_those(anna: Pump) -> None:
    route("first")
    sent = accept(channels=["live", "sms"])
    pump_all(anna)
    assert seen(sent) == {"live": ("sent", None), "sms": ("sent", None)}


def test_the_first_that_works_makes_the_others_needless(anna: Pump) -> None:
    route("first")
    sent = accept()
    pump_all(anna)
    rest = ("skipped", "reached_by_email")
    assert seen(sent) == {"email": ("sent", None), "sms": rest, "live": rest}
    assert rules(sent, "sms") == ["route marketing: the first that works of email, sms, live"]
    assert Stage.own().history.notification(sent)["status"] == "sent"


def test_a_channel_that_the_user_has_not_or_does_not_want_is_passed_over(anna: Pump) -> None:
    route("first", ["push", "email", "sms", "live"])
    Stage.own().preferences.put("anna", Preferences.model_validate({"categories": {"marketing": {"email": False}}}))
    sent = accept()
    pump_all(anna)
    assert seen(sent) == {
        "push": ("skipped", "no_address"),
        "email": ("skipped", "opted_out"),
        "sms": ("sent", None),
        "live": ("skipped", "reached_by_sms"),
    }


def test_a_refusal_of_the_provider_goes_on_with_the_next(anna: Pump, email_answers: Callable[[Verdict], None]) -> None:
    route("first")
    email_answers(Verdict.REFUSED)
    sent = accept()
    pump_all(anna)
    assert seen(sent) == {
        "email": ("failed", "told"),
        "sms": ("sent", None),
        "live": ("skipped", "reached_by_sms"),
    }


@pytest.mark.parametrize(
    ("mode", "event", "rest"),
    [
        ("first", DeliveryStatus.DELIVERED, ("skipped", "reached_by_email")),
        ("first", DeliveryStatus.FAILED, ("sent", None)),
        ("escalate", DeliveryStatus.DELIVERED, ("scheduled", "unless_opened")),
    ],
)
def test_the_next_channel_is_decided_about_though_the_worker_died_and_the_event_came_first(
    anna: Pump, mode: str, event: DeliveryStatus, rest: tuple[str, str | None]
) -> None:
    route(mode, ["email", "sms"], **({"after_minutes": 30} if mode == "escalate" else {}))
    sent = accept()
    anna.run("enrich-instant")
    for status in (DeliveryStatus.CALLING, event):
        Stage.own().ledger.move([Move(DeliveryKey(sent, "email"), status, owner="whoever died")])
    pump_all(anna)
    assert seen(sent) == {"email": (event, None), "sms": rest}


def test_a_letter_of_which_nobody_knows_whether_it_went_is_not_sent_elsewhere_too(
    anna: Pump, email_answers: Callable[[Verdict], None]
) -> None:
    route("first")
    email_answers(Verdict.UNKNOWN)
    sent = accept()
    pump_all(anna)
    assert (seen(sent)["sms"], seen(sent)["live"]) == (("skipped", "reached_by_email"),) * 2


def test_when_nothing_works_every_channel_says_why(anna: Pump) -> None:
    route("first", ["email", "push"])
    Stage.own().preferences.put("anna", Preferences.model_validate({"everything": False}))
    sent = accept()
    pump_all(anna)
    assert seen(sent) == {"email": ("skipped", "opted_out_of_everything"), "push": ("skipped", "no_address")}
    assert Stage.own().history.notification(sent)["status"] == "skipped"


def later(minutes: int) -> None:
    """The clock of the retry queue goes on."""
    compose(clock=lambda: now() + timedelta(minutes=minutes))
    sqs = boto3.client("sqs")
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.sqs.models import sqs_backends

    queue = sqs_backends[DEFAULT_ACCOUNT_ID]["eu-central-1"].queues["vestnik-test-retry"]
    for message in queue._messages:
        message.delayed_until = 0
    assert sqs


def test_a_letter_that_is_not_opened_goes_on_to_the_next_channel_in_its_time(
    anna: Pump, monkeypatch: pytest.MonkeyPatch
) -> None:
    route("escalate", after_minutes=30)
    sent = accept()
    pump_all(anna)
    assert seen(sent) == {
        "email": ("sent", None),
        "sms": ("scheduled", "unless_opened"),
        "live": ("scheduled", "unless_opened"),
    }
    assert Stage.own().history.notification(sent)["status"] == "sent"
    later(31)
    anna.run("retry")
    anna.run()
    assert (seen(sent)["sms"], seen(sent)["live"]) == (("sent", None), ("scheduled", "unless_opened"))
    later(62)
    anna.run("retry")
    anna.run()
    assert seen(sent)["live"] == ("sent", None)


def test_a_letter_that_was_opened_goes_no_further(anna: Pump, monkeypatch: pytest.MonkeyPatch) -> None:
    route("escalate", after_minutes=30)
    sent = accept()
    pump_all(anna)
    engage(Stage.own().ledger, DeliveryKey(sent, "email"), Engagement.OPENED)
    later(31)
    anna.run("retry")
    anna.run()
    rest = ("skipped", "opened_on_email")
    assert seen(sent) == {"email": ("sent", None), "sms": rest, "live": rest}


@pytest.mark.parametrize("what", [Engagement.MACHINE_OPENED, Engagement.MACHINE_CLICKED])
def test_what_a_machine_opened_goes_on(anna: Pump, monkeypatch: pytest.MonkeyPatch, what: Engagement) -> None:
    """Promise D4: a proxy's opening ends no escalation."""
    route("escalate", after_minutes=30)
    sent = accept()
    pump_all(anna)
    engage(Stage.own().ledger, DeliveryKey(sent, "email"), what)
    later(31)
    anna.run("retry")
    anna.run()
    assert seen(sent)["sms"] == ("sent", None)


def test_a_letter_that_waits_can_be_cancelled(anna: Pump, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.services.operator_actions import cancel

    route("escalate", after_minutes=30)
    sent = accept()
    pump_all(anna)
    cancel(sent, ledger=Stage.own().ledger)
    later(31)
    anna.run("retry")
    anna.run()
    assert seen(sent)["sms"] == ("cancelled", None)


def test_a_wait_that_would_end_after_the_letter_expires_is_not_begun(anna: Pump) -> None:
    route("escalate", after_minutes=30)
    sent = accept(expires_at=(now() + timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    pump_all(anna)
    rest = ("skipped", "expired")
    assert seen(sent) == {"email": ("sent", None), "sms": rest, "live": rest}


def test_a_letter_that_expires_while_it_waits_says_so(anna: Pump, monkeypatch: pytest.MonkeyPatch) -> None:
    route("escalate", after_minutes=30)
    sent = accept(expires_at=(now() + timedelta(minutes=30, seconds=30)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    pump_all(anna)
    assert seen(sent)["sms"] == ("scheduled", "unless_opened")
    later(31)
    anna.run("retry")
    anna.run()
    assert (seen(sent)["sms"], seen(sent)["live"]) == (("skipped", "expired"),) * 2


@pytest.mark.parametrize(
    ("routes", "field"),
    [
        ({"marketing": {"channels": ["pigeon"]}}, "value.marketing.channels[0]"),
        ({"marketing": {"channels": ["email", "email"]}}, "value.marketing"),
        ({"marketing": {"channels": ["email"], "mode": "escalate"}}, "value.marketing"),
        ({"nothing": {"channels": ["email"]}}, "value"),
    ],
)
def test_a_route_that_cannot_be_followed_is_refused_with_its_field(stage: None, routes: Any, field: str) -> None:
    with pytest.raises(InvalidError) as refused:
        Stage.own().settings_changes.put("routes", routes, by="test")
    assert [one.field for one in refused.value.errors] == [field]


def test_a_resend_of_a_campaign_leaves_those_out_whom_another_channel_has_reached(anna: Pump, letters: Letters) -> None:
    from chalicelib.deliveries import DeliveryStatus, fit_for_resend

    assert fit_for_resend(DeliveryStatus.SKIPPED, "no_address")
    for reason in ("reached_by_email", "opened_on_email", "in_digest"):
        assert not fit_for_resend(DeliveryStatus.SKIPPED, reason)
