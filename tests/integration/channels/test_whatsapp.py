"""WhatsApp: what Meta is told, and what each answer means."""

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import Session

from chalicelib.channels.port import Message, Outcome, Verdict
from chalicelib.channels.providers.whatsapp_answers import ANSWERS, UNKNOWN, whatsapp_outcome
from chalicelib.channels.whatsapp import META_API_VERSION, WhatsAppChannel
from chalicelib.profiles.model import UserBody
from chalicelib.stage.app import Stage
from tests.integration.channels.conftest import WHATSAPP_SENDER
from tests.integration.channels.receiver import Receiver
from tests.integration.channels.test_way import accept
from tests.integration.conftest import Pump
from tests.processes import compose

NUMBER = "+79261234567"


def told(receiver: Receiver) -> dict[str, Any]:
    [taken] = receiver.taken
    assert taken.json["originationPhoneNumberId"] == WHATSAPP_SENDER
    assert taken.json["metaApiVersion"] == META_API_VERSION
    message: dict[str, Any] = json.loads(base64.b64decode(str(taken.json["message"])))
    return message


def test_a_letter_fills_the_template_that_meta_has_approved(whatsapp_receiver: Receiver, pump: Pump) -> None:
    compose()
    Stage.own().directory.put("anna", UserBody(phone=NUMBER, locale="en"))
    sent = accept(["whatsapp"])
    assert pump.run() == []
    [delivery] = Stage.own().history.notification(sent)["deliveries"]
    assert (delivery["channel"], delivery["status"]) == ("whatsapp", "sent")
    message = told(whatsapp_receiver)
    assert (message["messaging_product"], message["to"], message["type"]) == ("whatsapp", NUMBER, "template")
    assert (message["template"]["name"], message["template"]["language"]) == ("vestnik_promo", {"code": "en"})
    [body] = message["template"]["components"]
    assert [one["text"] for one in body["parameters"]][:2] == ["Vestnik Cinema", "Tonight"]


def test_a_template_without_gaps_is_sent_without_components(whatsapp_receiver: Receiver) -> None:
    message = Message("n_whatsapp", NUMBER, {"template": "hello\n", "language": "en_US\n", "parameters": "\n"})
    [outcome] = WhatsAppChannel(Stage.own().socialmessaging, sender=WHATSAPP_SENDER).send([message])
    assert outcome.verdict is Verdict.ACCEPTED
    assert told(whatsapp_receiver)["template"] == {"name": "hello", "language": {"code": "en_US"}}


def test_where_the_stage_has_no_number_messages_wait_and_nobody_is_called(whatsapp_receiver: Receiver) -> None:
    message = Message("n_whatsapp", NUMBER, {"template": "hello", "language": "en"})
    [outcome] = WhatsAppChannel(Stage.own().socialmessaging, sender="").send([message])
    assert outcome == Outcome(Verdict.NOT_ACCEPTED, reason="provider_not_found", ours=True)
    assert whatsapp_receiver.calls == 0


def test_every_error_of_the_call_has_a_row() -> None:
    """Promise D3: the kind, for WhatsApp."""
    shapes = Session().get_service_model("socialmessaging").operation_model("SendWhatsAppMessage").error_shapes
    assert {shape.name for shape in shapes} == {*ANSWERS, *UNKNOWN}


def refused(code: str, text: str = "x", status: int = 400) -> Outcome:
    answer: Any = {"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return whatsapp_outcome(ClientError(answer, "SendWhatsAppMessage"))


@pytest.mark.parametrize(("code", "status"), [("InternalServiceException", 500), ("DependencyException", 502)])
def test_what_failed_behind_aws_may_have_been_sent(code: str, status: int) -> None:
    """Promise D3: likewise."""
    assert refused(code, status=status).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("code", "text", "verdict", "reason"),
    [
        ("ThrottledRequestException", "Rate exceeded", Verdict.NOT_ACCEPTED, "throttled"),
        ("AccessDeniedException", "no", Verdict.NOT_ACCEPTED, "provider_no_right"),
        ("ResourceNotFoundException", "no such number", Verdict.NOT_ACCEPTED, "provider_not_found"),
        ("InvalidParametersException", "a text of tomorrow", Verdict.NOT_ACCEPTED, "unclear"),
        ("ValidationException", "", Verdict.NOT_ACCEPTED, "unclear"),
        ("InvalidParametersException", "(#132001) Template does not exist", Verdict.NOT_ACCEPTED, "provider_not_found"),
        ("InvalidParametersException", "(#132000) Number of parameters", Verdict.NOT_ACCEPTED, "provider_rendering"),
        ("InvalidParametersException", "(#131009) Parameter value is not valid", Verdict.REFUSED, "bad_request"),
        ("InvalidParametersException", '{"error": {"code": 131026}}', Verdict.REFUSED, "bad_number"),
        ("InvalidParametersException", "(#131056) Pair rate limit hit", Verdict.NOT_ACCEPTED, "throttled"),
    ],
)
def test_each_answer_has_a_meaning(code: str, text: str, verdict: Verdict, reason: str) -> None:
    assert refused(code, text)[:3] == (verdict, None, reason)


def test_what_was_said_is_kept_without_the_number_that_it_names() -> None:
    assert refused("ValidationException", f"{NUMBER} is no").said == "ValidationException: … is no"
