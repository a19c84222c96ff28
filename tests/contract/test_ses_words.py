"""Nothing that AWS publishes of what SES says is without a row in `channels/words/ses.py`."""

from botocore.model import ServiceModel, StringShape
from botocore.session import Session

from chalicelib.channels.base import Verdict
from chalicelib.channels.words.ses import ANSWERS, BOUNCES, COMPLAINTS, DELAYS, EVENTS, REJECTS, TEXTS, Told, answer_of
from chalicelib.pipeline.feedback import _VERDICTS
from chalicelib.pipeline.statuses import VERDICTS, S

# "Contents of event data that Amazon SES publishes to Amazon SNS", read in November 2026.
PUBLISHED_BOUNCES = {
    "Undetermined": {"Undetermined"},
    "Permanent": {"General", "NoEmail", "Suppressed", "OnAccountSuppressionList"}
    | {"OnTenantSuppressionList", "EmailValidationSuppressed", "UnsubscribedRecipient"},
    "Transient": {"General", "MailboxFull", "MessageTooLarge", "CustomTimeoutExceeded", "ContentRejected"}
    | {"AttachmentRejected"},
}
PUBLISHED_COMPLAINTS = {"abuse", "auth-failure", "fraud", "not-spam", "other", "virus"}
PUBLISHED_DELAYS = {
    *("InternalFailure", "General", "MailboxFull", "SpamDetected", "RecipientServerError", "IPFailure"),
    *("TransientCommunicationFailure", "BYOIPHostNameLookupUnavailable", "Undetermined", "SendingDeferral"),
}


def model() -> ServiceModel:
    """botocore's, of the SES that the service calls."""
    return Session().get_service_model("sesv2")


def enumeration(name: str) -> set[str]:
    """The values of one of its enumerations."""
    shape = model().shape_for(name)
    assert isinstance(shape, StringShape)
    return set(shape.enum)


def api_type(name: str) -> str:
    """`Rendering Failure` in the words of the API."""
    return {"DeliveryDelay": "DELIVERY_DELAY"}.get(name, name.replace(" ", "_").upper())


def test_every_published_type_and_subtype_has_its_row() -> None:
    """Promise D3: none of AWS's lists is flattened."""
    assert set(BOUNCES) == {(kind, one) for kind, subtypes in PUBLISHED_BOUNCES.items() for one in subtypes}
    assert set(COMPLAINTS) == {*PUBLISHED_COMPLAINTS, None}
    assert set(DELAYS) == PUBLISHED_DELAYS
    assert set(REJECTS) == {"Bad content"}


def test_every_type_of_botocores_model_has_a_row() -> None:
    known = {api_type(name) for name in (*EVENTS, "Bounce", "Complaint", "DeliveryDelay", "Reject")}
    assert enumeration("EventType") <= known
    assert {kind.upper() for kind in PUBLISHED_BOUNCES} == enumeration("BounceType")


def test_every_answer_of_botocores_model_has_a_row() -> None:
    operations = [model().operation_model(name) for name in ("SendEmail", "SendBulkEmail")]
    errors = {shape.name for operation in operations for shape in operation.error_shapes}
    statuses = enumeration("BulkEmailStatus") - {"SUCCESS"}

    assert errors | statuses <= set(ANSWERS)


def test_a_text_that_says_more_than_its_name_decides() -> None:
    """Promise D3: what SES calls MessageRejected may be a matter of the account, and then costs no letter."""
    for text, outcome in TEXTS.items():
        for name in ("MessageRejected", "MESSAGE_REJECTED", "BadRequestException", "FAILED"):
            assert answer_of(name, f"{text}. The following identities failed the check: a@b.example") == outcome
        assert outcome.verdict is Verdict.NOT_ACCEPTED


def test_every_verdict_has_a_state_and_a_place_in_the_order() -> None:
    assert set(_VERDICTS) == set(Told) - {Told.NOTHING}
    assert {verdict for verdict in _VERDICTS.values() if verdict[0] is not S.SENT} == set(VERDICTS)
