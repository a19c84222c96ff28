"""Nothing that AWS publishes of what SES says is without its meaning in `channels/providers/ses_event_types.py`, of
events, and `channels/providers/ses_answers.py`, of calls."""

import pytest
from botocore.model import ServiceModel, StringShape
from botocore.session import Session

from chalicelib.channels.aws_errors import named_outcome
from chalicelib.channels.port import Outcome, Verdict
from chalicelib.channels.providers.ses_answers import ANSWERS, answer_of
from chalicelib.channels.providers.ses_event_types import BOUNCES, COMPLAINTS, DELAYS, EVENTS, REJECTS, Told
from chalicelib.deliveries import VERDICTS, S
from chalicelib.pipeline.feedback import _VERDICTS
from tests.contract.ses_texts import NEIGHBOURS, QUOTA, READER, REFUSED, SENDER, SLOW_DOWN, TO_MEND, UNCLEAR, Text

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


def outcome_of(one: Text) -> Outcome:
    """As the channel asks."""
    return answer_of(one.name, one.text, sender=SENDER) or named_outcome(one.name, refusals={})


@pytest.mark.parametrize(
    "one", [*TO_MEND, *SLOW_DOWN, *QUOTA, *UNCLEAR], ids=lambda one: f"{one.name}: {one.text[:60]}"
)
def test_what_is_no_fault_of_the_letter_costs_no_letter(one: Text) -> None:
    """Promise D3: what SES calls MessageRejected may be a matter of the account, of the pace, or not be explained."""
    outcome = outcome_of(one)

    assert (outcome.verdict, outcome.reason) == (Verdict.NOT_ACCEPTED, one.reason)


@pytest.mark.parametrize("one", REFUSED, ids=lambda one: f"{one.name}: {one.text[:60]}")
def test_what_is_the_letters_own_ends_it(one: Text) -> None:
    """Promise D3."""
    outcome = outcome_of(one)

    assert (outcome.verdict, outcome.reason) == (Verdict.REFUSED, one.reason)


@pytest.mark.parametrize("one", NEIGHBOURS, ids=lambda one: one.text)
def test_other_words_for_the_same_mean_the_same(one: Text) -> None:
    assert outcome_of(one).reason == one.reason


@pytest.mark.parametrize("word", ["dkim", "paused", "suspended", "not-verified", "mx", "throttled", "daily-quota"])
@pytest.mark.parametrize(
    "text",
    [
        "Invalid email address {}@example.com.",
        "Local address contains illegal character: a@{}.example",
        "Invalid header value '{} account'",
        'Illegal filename "sending {}.pdf"',
        "Missing final '@domain' in <account {}>",
    ],
)
def test_what_a_reader_or_an_author_has_chosen_stops_nobody_elses_letters(text: str, word: str) -> None:
    """Promise D3."""
    outcome = outcome_of(Text("", "BadRequestException", text.format(word), ""))

    assert (outcome.verdict, outcome.ours) == (Verdict.REFUSED, False)


def test_a_text_means_the_same_whatever_catch_all_it_comes_with() -> None:
    """Promise D3."""
    for one in (*TO_MEND, *SLOW_DOWN, *QUOTA):
        if one.name not in ("LimitExceededException",):
            for name in ("MessageRejected", "MESSAGE_REJECTED", "BadRequestException", "INVALID_PARAMETER"):
                assert outcome_of(one._replace(name=name)).reason == one.reason, one


def test_what_every_letter_would_be_told_is_marked_as_ours() -> None:
    """Promise D3."""
    ours = {one.reason for one in TO_MEND if outcome_of(one).ours}

    assert ours == {f"provider_{name}" for name in ("not_verified", "sending_paused", "account_suspended", "not_found")}
    assert not any(outcome_of(one).ours for one in (*SLOW_DOWN, *QUOTA, *REFUSED, *UNCLEAR))


def test_what_ses_said_is_kept_without_the_addresses_that_it_names() -> None:
    said = outcome_of(TO_MEND[1]).said or ""

    assert "not verified" in said
    assert "MessageRejected" in said
    assert READER not in said
    assert SENDER not in said


def test_every_verdict_has_a_state_and_a_place_in_the_order() -> None:
    assert set(_VERDICTS) == set(Told) - {Told.NOTHING}
    assert {verdict for verdict in _VERDICTS.values() if verdict[0] is not S.SENT} == set(VERDICTS)
