"""What SES says about letters, in the shapes of its developer guide, and what becomes of the deliveries."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from chalicelib.deliveries import DeliveryKey, DeliveryStatus, Move
from chalicelib.errors import PoisonMessageError, UnavailableError
from chalicelib.observability import Line, Outcome
from chalicelib.pipeline.feedback import feedback_work
from chalicelib.pipeline.feedback_messages import read_event
from chalicelib.stage.app import Stage
from chalicelib.storage.deliveries import Delivery
from chalicelib.storage.rows.people import SuppressionRow
from tests.integration.conftest import Pump
from tests.integration.control.requests_made import Requests
from tests.integration.faults import unreachable
from tests.ledgers import event_tags, letters_of, stored, writes_meet

KEY = DeliveryKey("00000000-0000-4000-8000-000000000001", "email")

# "Examples of event data that Amazon SES publishes to Amazon SNS", the parts that differ.
PARTS: dict[str, dict[str, Any]] = {
    "Send": {"send": {}},
    "Delivery": {
        "delivery": {
            "timestamp": "2026-11-22T12:00:03.000Z",
            "processingTimeMillis": 2333,
            "recipients": ["Anna@example.com"],
            "smtpResponse": "250 2.0.0 OK",
            "reportingMTA": "mta.example.com",
        }
    },
    "Bounce": {
        "bounce": {
            "bounceType": "Permanent",
            "bounceSubType": "General",
            "bouncedRecipients": [
                {
                    "emailAddress": "Anna@example.com",
                    "action": "failed",
                    "status": "5.1.1",
                    "diagnosticCode": "smtp; 550 5.1.1 user unknown",
                }
            ],
            "timestamp": "2026-11-22T12:00:04.000Z",
            "feedbackId": "0100",
            "reportingMTA": "dsn; mta.example.com",
        }
    },
    "Complaint": {
        "complaint": {
            "complainedRecipients": [{"emailAddress": "Anna@example.com"}],
            "timestamp": "2026-11-22T12:30:00.000Z",
            "feedbackId": "0101",
            "complaintFeedbackType": "abuse",
            "userAgent": "Example Feedback Loop",
        }
    },
    "Reject": {"reject": {"reason": "Bad content"}},
    "Rendering Failure": {"failure": {"errorMessage": "Attribute 'x' is not present", "templateName": "t"}},
    "DeliveryDelay": {"deliveryDelay": {"delayType": "MailboxFull", "expirationTime": "2026-11-23T00:00:00.000Z"}},
    "Open": {"open": {"ipAddress": "192.0.2.1", "userAgent": "Mail"}},
}


def event(kind: str, tags: dict[str, list[str]] | None = None, **changes: Any) -> str:
    own = {**event_tags(KEY), "ses:configuration-set": ["vestnik-test"], "ses:operation": ["SendEmail"]}
    mail = {
        "timestamp": "2026-11-22T12:00:00.000Z",
        "messageId": "ses-1",
        "source": "news@cinema.example",
        "destination": ["Anna@example.com"],
        "tags": own if tags is None else tags,
    }
    [(name, part)] = PARTS[kind].items()
    return json.dumps({"eventType": kind, "mail": mail, name: {**part, **changes}})


@pytest.fixture
def sent(pump: Pump) -> Pump:
    """The letter of KEY is on its way."""
    Stage.own().ledger.move([Move(KEY, DeliveryStatus.CALLING, owner="a", attempt=1)])
    Stage.own().ledger.move([Move(KEY, DeliveryStatus.SENT, owner="a", provider_id="ses-1")])
    return pump


def tell(pump: Pump, *events: str) -> Delivery:
    for one in events:
        pump.put("feedback", one)
        assert pump.run("feedback") == []
    return stored(KEY)


def suppressed() -> list[tuple[str, str]]:
    return [(f"{row.listed_channel}#{row.shown}", row.reason) for row in SuppressionRow.scan()]


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        ("Send", "sent", None),
        ("Delivery", "delivered", None),
        ("Bounce", "bounced", "hard_bounce"),
        ("Complaint", "complained", "complaint"),
        ("Reject", "failed", "rejected"),
        ("Rendering Failure", "failed", "provider_rendering"),
        ("DeliveryDelay", "sent", None),
        ("Open", "sent", None),
    ],
)
def test_an_event_moves_the_delivery(sent: Pump, kind: str, status: str, reason: str | None) -> None:
    found = tell(sent, event(kind))

    assert (found.status, found.reason) == (status, reason)


@pytest.mark.parametrize("kind", ["Send", "DeliveryDelay", "Open"])
def test_what_tells_that_a_letter_was_taken_settles_one_whose_reply_was_lost(pump: Pump, kind: str) -> None:
    Stage.own().ledger.move([Move(KEY, DeliveryStatus.CALLING, owner="a", attempt=1)])

    found = tell(pump, event(kind))

    assert (found.status, found.provider_id) == ("sent", "ses-1")


@pytest.mark.parametrize("kind", ["Bounce", "Complaint"])
def test_an_address_that_bounces_for_good_or_complains_is_not_written_to_again(sent: Pump, kind: str) -> None:
    tell(sent, event(kind))

    assert suppressed() == [("email#anna@example.com", kind.lower())]


@pytest.mark.parametrize(("kind", "sub_type"), [("Transient", "MailboxFull"), ("Undetermined", "Undetermined")])
def test_a_soft_bounce_suppresses_nobody(sent: Pump, kind: str, sub_type: str) -> None:
    expired = [{"emailAddress": "Anna@example.com", "action": "failed", "status": "4.4.7"}]
    found = tell(sent, event("Bounce", bounceType=kind, bounceSubType=sub_type, bouncedRecipients=expired))

    assert (found.status, found.reason) == ("bounced", "soft_bounce")
    assert Stage.own().suppressions.reason_of("email", "anna@example.com") is None


def test_a_reader_who_says_not_spam_has_not_complained(sent: Pump) -> None:
    found = tell(sent, event("Complaint", complaintFeedbackType="not-spam"))

    assert (found.status, suppressed()) == ("sent", [])


def test_the_same_event_twice_is_one_step(sent: Pump) -> None:
    found = tell(sent, event("Delivery"), event("Delivery"), event("Delivery"))

    assert [step["status"] for step in found.timeline] == ["calling", "sent", "delivered"]


def test_events_in_any_order_end_in_the_same_state(sent: Pump) -> None:
    found = tell(sent, event("Bounce"), event("Delivery"), event("Send"))

    assert found.status == "bounced"


def test_a_complaint_long_after_the_delivery_is_heard(sent: Pump) -> None:
    assert tell(sent, event("Send"), event("Delivery"), event("Complaint")).status == "complained"


def test_an_event_wrapped_by_sns_is_read_too() -> None:
    wrapped = json.dumps({"Type": "Notification", "MessageId": "m-1", "Message": event("Delivery")})

    assert read_event(wrapped) == read_event(event("Delivery"))


@pytest.mark.parametrize("tags", [{}, {"ses:operation": ["SendEmail"]}])
def test_a_letter_that_is_not_ours_is_left_alone(pump: Pump, tags: dict[str, list[str]]) -> None:
    pump.put("feedback", event("Bounce", tags))

    assert pump.run("feedback") == []
    assert suppressed() == []


def test_an_event_of_a_kind_yet_unknown_changes_nothing(sent: Pump) -> None:
    body = json.loads(event("Send")) | {"eventType": "Subscription"}

    assert tell(sent, json.dumps(body)).status == "sent"


@pytest.mark.parametrize(
    "body",
    ["", "not json", "[]", "null", "{}", '{"eventType": "Send"}', event("Send", {"delivery": ["nonsense"]}), '"text"'],
)
def test_what_is_no_event_is_poison(body: str) -> None:
    with pytest.raises(PoisonMessageError):
        read_event(body)


def test_poison_goes_back_to_its_queue_alone(sent: Pump) -> None:
    sent.put("feedback", "not json")
    sent.put("feedback", event("Delivery"))

    assert len(sent.run("feedback")) == 1
    assert stored(KEY).status == "delivered"


def on_their_way(n: int) -> list[DeliveryKey]:
    """The letters of one chunk."""
    keys = letters_of("c@2026-11-22T12:00:00Z", n)
    Stage.own().ledger.move([Move(key, DeliveryStatus.CALLING, owner="a") for key in keys])
    return keys


def told_of(keys: list[DeliveryKey], kind: str) -> list[str]:
    return [event(kind, event_tags(key)) for key in keys]


def statuses(keys: list[DeliveryKey]) -> set[str]:
    return {str(stored(key).status) for key in keys}


def writes(bodies: list[str]) -> int:
    """How many writes it takes to record these events."""
    requests = Requests()
    work(bodies)
    return requests.count() - requests.count("BatchGetItem")


def test_the_events_of_a_chunk_that_come_together_are_one_write(pump: Pump) -> None:
    keys = on_their_way(40)

    assert writes(told_of(keys, "Delivery") + told_of(keys, "Send") + told_of(keys, "Open")) == 1
    assert statuses(keys) == {"delivered"}


def test_events_that_tell_nothing_new_write_nothing(pump: Pump) -> None:
    keys = on_their_way(3)
    Stage.own().ledger.move([Move(keys[0], DeliveryStatus.SENT, owner="a")])

    assert writes(told_of(keys[:1], "Send")) == 0
    assert [writes(told_of(keys, kind)) for kind in ("Send", "Send", "Open", "Open")] == [1, 0, 1, 0]
    assert statuses(keys) == {"sent"}
    assert [len(stored(key).timeline) for key in keys] == [3, 3, 3]


@pytest.mark.parametrize(
    ("kinds", "statuses_seen"),
    [
        (("Complaint", "Delivery", "Send", "Send"), ["calling", "delivered", "complained"]),
        (("Delivery", "Send", "Complaint"), ["calling", "delivered", "complained"]),
        (("Open", "Send", "Send"), ["calling", "sent"]),
        (("Reject", "Send"), ["calling", "sent", "failed"]),
    ],
)
def test_the_events_of_one_delivery_in_one_batch_follow_each_other(
    pump: Pump, kinds: tuple[str, ...], statuses_seen: list[str]
) -> None:
    keys = on_their_way(1)

    work([body for kind in kinds for body in told_of(keys, kind)])

    assert [one["status"] for one in stored(keys[0]).timeline if "status" in one] == statuses_seen


def test_a_message_that_is_no_event_fails_alone(pump: Pump) -> None:
    keys = on_their_way(2)
    first, second = told_of(keys, "Delivery")

    outcomes = work([first, "{", second])

    assert [type(outcome) for outcome in outcomes] == [Line, PoisonMessageError, Line]
    assert statuses(keys) == {"delivered"}


def test_events_come_back_while_the_ledger_does_not_answer(pump: Pump) -> None:
    keys = on_their_way(2)

    with writes_meet(unreachable):
        outcomes = work([*told_of(keys, "Delivery"), event("Send", {"ses:operation": ["SendEmail"]})])

    assert [type(outcome) for outcome in outcomes] == [UnavailableError, UnavailableError, Line]


def work(bodies: list[str]) -> Sequence[Outcome]:
    return feedback_work(Stage.own().feedback, Stage.own().sms_replies)(bodies)
