"""SMS: what SNS is told, and what people answer."""

import json
from typing import Any

import pytest

from chalicelib.channels.port import Message, Outcome, Verdict
from chalicelib.channels.sms import MAX_CHARACTERS, SmsChannel
from chalicelib.reasons import SuppressionReason
from chalicelib.stage.app import Stage
from tests.integration.channels.receiver import Receiver
from tests.integration.channels.test_way import accept
from tests.integration.conftest import Pump

NUMBER = "+79261234567"


def send(text: str = "Hi", *, category: str = "marketing", sender: str = "Cinema") -> Outcome:
    message = Message("n_sms", NUMBER, {"text": text}, tags={"category": category})
    [outcome] = SmsChannel(Stage.own().sns, sender=sender).send([message])
    return outcome


def told(receiver: Receiver) -> dict[str, str]:
    form = receiver.taken[-1].form
    entries = range(1, 3)
    prefix = "MessageAttributes.entry"
    return {
        form[f"{prefix}.{n}.Name"].rpartition(".")[2]: form[f"{prefix}.{n}.Value.StringValue"]
        for n in entries
        if f"{prefix}.{n}.Name" in form
    }


def test_a_letter_about_the_account_is_routed_for_reliability_any_other_for_price(sns_receiver: Receiver) -> None:
    send(category="account")
    assert told(sns_receiver) == {"SMSType": "Transactional", "SenderID": "Cinema"}
    send(category="marketing", sender="")
    assert told(sns_receiver) == {"SMSType": "Promotional"}


def test_a_text_over_the_limit_of_sns_is_refused_without_a_call(sns_receiver: Receiver) -> None:
    assert send("a" * (MAX_CHARACTERS + 1)) == Outcome(Verdict.REFUSED, reason="too_long")
    assert sns_receiver.calls == 0


def test_a_number_on_the_providers_own_list_is_refused_for_good(sns_receiver: Receiver) -> None:
    sns_receiver.faults.append("OptedOut")
    assert send() == Outcome(Verdict.REFUSED, reason="opted_out_at_provider", said="OptedOut: no")


def test_a_missing_right_may_be_mended_and_is_tried_again(sns_receiver: Receiver) -> None:
    sns_receiver.faults.append("AuthorizationError")
    assert send() == Outcome(Verdict.NOT_ACCEPTED, reason="provider_authorizationerror")


def reply(pump: Pump, text: str, *, wrapped: bool = False) -> None:
    body: dict[str, Any] = {
        "originationNumber": NUMBER,
        "destinationNumber": "+12125550101",
        "messageKeyword": "JOIN",
        "messageBody": text,
        "inboundMessageId": "cae173d2-66b9-564c-8309-21f858e9fb84",
        "previousPublishedMessageId": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    }
    content = {"Type": "Notification", "Message": json.dumps(body)} if wrapped else body
    pump.put("feedback", json.dumps(content))
    assert pump.run("feedback") == []


@pytest.mark.parametrize("word", ["STOP", " stop. ", "СТОП", "Отписаться!", "«Стоп»", "Opt  out", "Revoke 😡"])
@pytest.mark.parametrize("wrapped", [True, False])
def test_stop_ends_every_text_to_the_number(pump: Pump, word: str, wrapped: bool) -> None:
    from chalicelib.profiles.model import UserBody
    from chalicelib.stage.app import Stage

    Stage.own().directory.put("anna", UserBody(phone=NUMBER))
    reply(pump, word, wrapped=wrapped)
    sent = accept(["sms"])
    pump.run()
    [delivery] = Stage.own().history.notification(sent)["deliveries"]
    assert (delivery["status"], delivery["reason"]) == ("skipped", "suppressed_stop")


def test_start_allows_texts_again_but_lifts_nothing_else(pump: Pump) -> None:
    suppressions = Stage.own().suppressions
    reply(pump, "STOP")
    reply(pump, "START")
    reply(pump, "START")
    assert suppressions.reason_of("sms", NUMBER) is None
    suppressions.add("sms", NUMBER, reason=SuppressionReason.BY_HAND)
    reply(pump, "START")
    assert suppressions.reason_of("sms", NUMBER) == SuppressionReason.BY_HAND


def test_any_other_answer_changes_nothing(pump: Pump) -> None:
    reply(pump, "Thank you, stop by again")
    assert Stage.own().suppressions.reason_of("sms", NUMBER) is None
