"""Nothing that AWS publishes of what SNS answers is without a row in `channels/providers/sns_answers.py`."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import Session

from chalicelib.channels.port import Outcome, Verdict
from chalicelib.channels.providers.sns_answers import BAD_PARAMETER, REFUSALS, TO_MEND, sns_outcome


def test_every_error_of_publish_has_a_row() -> None:
    """Promise D3: the kind, for texts and pushes."""
    shapes = Session().get_service_model("sns").operation_model("Publish").error_shapes
    codes = {shape.metadata.get("error", {}).get("code", shape.name) for shape in shapes}

    assert codes <= TO_MEND.union(*REFUSALS.values())


def refused(code: str, text: str = "x", status: int = 400) -> ClientError:
    """What boto3 raises."""
    answer: Any = {"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Publish")


@pytest.mark.parametrize(
    ("channel", "code", "text", "outcome"),
    [
        (
            "push",
            "InvalidParameter",
            "Invalid parameter: TargetArn Reason: No endpoint found for the target arn specified",
            "device_gone",
        ),
        ("push", "EndpointDisabled", "Endpoint is disabled", "device_gone"),
        ("push", "EndpointDisabled", "anything", "device_gone"),
        ("push", "NotFound", "Endpoint does not exist", "device_gone"),
        ("push", "InvalidParameter", "Invalid parameter: JSON must contain an entry for 'default'", "bad_request"),
        ("push", "InvalidParameter", "Invalid parameter: Message Reason: Invalid notification", "bad_request"),
        ("push", "InvalidParameter", "Invalid parameter: Message too long", "too_long"),
        ("sms", "OptedOut", "anything", "opted_out_at_provider"),
        ("sms", "InvalidParameter", "Invalid parameter: Phone number is opted out", "opted_out_at_provider"),
        (
            "sms",
            "InvalidParameter",
            "Invalid parameter: PhoneNumber Reason: +7 is not valid to publish to",
            "bad_number",
        ),
        ("sms", "InvalidParameter", "Invalid parameter: Message too long", "too_long"),
        ("sms", "InvalidParameter", "Invalid parameter: Message Reason: empty", "bad_request"),
    ],
)
def test_a_text_says_which_parameter_it_was(channel: str, code: str, text: str, outcome: str) -> None:
    assert sns_outcome(channel, refused(code, text))[:3] == Outcome(Verdict.REFUSED, reason=outcome)[:3]


def test_what_sns_said_is_kept_without_the_number_that_it_names() -> None:
    said = sns_outcome(
        "sms", refused("InvalidParameter", "Invalid parameter: PhoneNumber Reason: +79991234567 is no")
    ).said

    assert said == "InvalidParameter: Invalid parameter: PhoneNumber Reason: … is no"


@pytest.mark.parametrize("code", ["PlatformApplicationDisabled", "AuthorizationError"])
def test_what_a_person_can_mend_waits(code: str) -> None:
    assert sns_outcome("push", refused(code, status=403)).verdict is Verdict.NOT_ACCEPTED


@pytest.mark.parametrize(
    ("channel", "text", "reason"),
    [
        ("sms", "Invalid parameter: MessageAttributes Reason: SenderID is not valid", "provider_sms_settings"),
        ("sms", "No origination entities available to send", "provider_sms_settings"),
        ("sms", "The account is in the SMS sandbox: the destination phone number is not verified", "provider_sandbox"),
        ("push", "Platform application is disabled", "provider_platformapplicationdisabled"),
        ("push", "User: x is not authorized to perform: SNS:Publish on resource: y", "provider_no_right"),
        ("sms", "a text of tomorrow", "unclear"),
        ("push", "a text of tomorrow", "unclear"),
        ("push", "", "unclear"),
    ],
)
def test_what_is_no_fault_of_the_reader_costs_no_message(channel: str, text: str, reason: str) -> None:
    """Promise D3: a setting of ours, the account's sandbox, and what nobody can explain."""
    for code in BAD_PARAMETER:
        outcome = sns_outcome(channel, refused(code, text))
        assert (outcome.verdict, outcome.reason) == (Verdict.NOT_ACCEPTED, reason)
