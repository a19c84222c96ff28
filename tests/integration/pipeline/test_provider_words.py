"""Every word of SES by itself, in any order, and what is no word on a letter at all."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.campaigns.progress import read_progresses
from chalicelib.channels.providers.ses_event_types import (
    BOUNCES,
    COMPLAINTS,
    DELAYS,
    UNEXPLAINED,
    WITHHELD_COMPLAINTS,
    Against,
    Told,
)
from chalicelib.clock import new_id
from chalicelib.deliveries import DeliveryKey, Move, S
from chalicelib.errors import PoisonMessageError
from chalicelib.observability import Line
from chalicelib.pipeline.feedback import feedback_work
from chalicelib.stage.app import Stage
from chalicelib.storage.rows.people import SuppressionRow
from chalicelib.storage.runs import PlannedRun
from tests.ledgers import event_tags, is_ledger_empty, letters_of, state

ANNA = "anna@viewers.example"
FULL = {"action": "failed", "status": "4.2.2", "diagnosticCode": "smtp; 452 4.2.2 mailbox full"}
DELIVERY = ("Delivery", {"delivery": {"timestamp": "2026-11-22T12:00:03.000Z", "recipients": [ANNA]}})
# What SES's simulator sends for ooto@: a bounce without a delivery status notification.
AWAY = (
    "Bounce",
    {"bounce": {"bounceType": "Transient", "bounceSubType": "General", "bouncedRecipients": [{"emailAddress": ANNA}]}},
)
# What it sends for an automatic reply in the wild.
AWAY_TOO = (
    "Bounce",
    {"bounce": {"bounceType": "Undetermined", "bounceSubType": "Undetermined", "bouncedRecipients": []}},
)
Event = tuple[str, dict[str, Any]]


def bounce(kind: tuple[str, str], **said: str) -> Event:
    recipients = [{"emailAddress": ANNA, **(said or FULL)}]
    return "Bounce", {
        "bounce": {
            "bounceType": kind[0],
            "bounceSubType": kind[1],
            "bouncedRecipients": recipients,
            "timestamp": "2026-11-22T12:00:04.000Z",
        }
    }


def complaint(kind: str | None = "abuse", sub_type: str | None = None, **more: Any) -> Event:
    body = {
        "complaintFeedbackType": kind,
        "complaintSubType": sub_type,
        "complainedRecipients": [{"emailAddress": ANNA}],
    }
    return "Complaint", {"complaint": {**body, **more}}


def written(event: Event, key: DeliveryKey, to: Sequence[str] | None = (ANNA,)) -> str:
    """As SES publishes it."""
    mail = {"messageId": "ses-1", "destination": to, "tags": event_tags(key)}
    return json.dumps({"eventType": event[0], "mail": mail, **event[1]})


def sent_letter() -> DeliveryKey:
    key = DeliveryKey(new_id(), "email")
    Stage.own().ledger.move([Move(key, S.CALLING, owner="a", attempt=1)])
    Stage.own().ledger.move([Move(key, S.SENT, owner="a", provider_id="ses-1")])
    return key


def tell(key: DeliveryKey, *events: Event, to: Sequence[str] | None = (ANNA,)) -> None:
    """One after the other, as single messages."""
    for event in events:
        [outcome] = work([written(event, key, to)])
        assert isinstance(outcome, Line), outcome


def work(bodies: list[str]) -> Sequence[Any]:
    return feedback_work(Stage.own().feedback, Stage.own().sms_replies)(bodies)


def suppressed(address: str = ANNA) -> str | None:
    return Stage.own().suppressions.reason_of("email", address)


def soft_bounces() -> int:
    return sum(len(row.bounces or ()) for row in SuppressionRow.scan())


STATES = {
    Told.RETURNED: ("bounced", "returned"),
    Told.BOUNCED_FOR_NOW: ("bounced", "soft_bounce"),
    Told.CONTENT_REFUSED: ("bounced", "content_refused"),
    Told.WITHHELD: ("bounced", "withheld"),
    Told.BOUNCED_FOR_GOOD: ("bounced", "hard_bounce"),
    Told.COMPLAINED: ("complained", "complaint"),
    Told.NOTHING: ("delivered", None),
    Told.TAKEN: ("delivered", None),
}


@pytest.mark.parametrize("kind", BOUNCES)
def test_every_published_bounce_has_its_state_and_counts_as_its_row_says(stage: None, kind: tuple[str, str]) -> None:
    """Promise D3: each type and subtype of AWS's tables has a row of its own."""
    key, row = sent_letter(), BOUNCES[kind]

    tell(key, DELIVERY, bounce(kind))

    assert state(key) == STATES[row.told]
    for_good = row.against not in (Against.NEVER, Against.SOFTLY)
    assert suppressed() == (row.against.value if for_good else None)
    assert soft_bounces() == (row.against is Against.SOFTLY)


@pytest.mark.parametrize(
    ("kind", "sub_type"), [*((kind, None) for kind in COMPLAINTS), *(("abuse", name) for name in WITHHELD_COMPLAINTS)]
)
def test_every_published_complaint_has_its_state(stage: None, kind: str | None, sub_type: str | None) -> None:
    """Promise D3: a report that is no reader's complaint changes nothing; what SES withheld was never delivered."""
    key = sent_letter()
    row = WITHHELD_COMPLAINTS[sub_type] if sub_type else COMPLAINTS[kind]

    tell(key, DELIVERY, complaint(kind, sub_type))

    assert state(key) == STATES[row.told]
    assert suppressed() == ("complaint" if row.against is Against.COMPLAINT else None)


@pytest.mark.parametrize("kind", DELAYS)
def test_no_delay_says_more_than_that_ses_has_the_letter(stage: None, kind: str) -> None:
    key = sent_letter()

    tell(key, ("DeliveryDelay", {"deliveryDelay": {"delayType": kind}}))

    assert state(key) == ("sent", None)
    assert (suppressed(), soft_bounces()) == (None, 0)


@pytest.mark.parametrize("away", [AWAY, AWAY_TOO])
def test_an_out_of_office_reply_changes_nothing(stage: None, away: Event) -> None:
    """Promise D1: what comes back without a word on why is no bounce of a letter that was delivered."""
    for _ in range(6):
        key = sent_letter()
        tell(key, DELIVERY, away)
        assert state(key) == ("delivered", None)

    assert (suppressed(), soft_bounces()) == (None, 0)


@pytest.mark.parametrize("sub_type", ["MessageTooLarge", "ContentRejected", "AttachmentRejected"])
def test_a_letter_that_is_refused_for_its_content_says_nothing_against_its_address(stage: None, sub_type: str) -> None:
    """Promise D1: content never counts against an address, whatever code comes with it."""
    for _ in range(6):
        tell(sent_letter(), bounce(("Transient", sub_type), status="5.1.1", diagnosticCode="smtp; 550 5.1.1 refused"))

    assert (suppressed(), soft_bounces()) == (None, 0)


@pytest.mark.parametrize(
    "named", ["Anna <anna@viewers.example>", "Anna@Viewers.Example", "boris@forwarded.example", None, ""]
)
@pytest.mark.parametrize(
    "to", [["anna@viewers.example"], ["Anna <anna@viewers.example>"], ["Smith, Anna (at home) <Anna@viewers.example> "]]
)
def test_whom_a_letter_was_for_is_suppressed_whatever_the_bounce_names(
    stage: None, named: str | None, to: list[str]
) -> None:
    """Promise D2: one letter has one recipient."""
    for event in (bounce(("Permanent", "General"), status="5.1.1"), complaint()):
        [part] = event[1].values()
        [who] = [name for name in part if name.endswith("Recipients")]
        part[who] = [{"emailAddress": named}]
        tell(sent_letter(), event, to=to)

    assert suppressed() in {"bounce", "complaint"}
    assert suppressed("boris@forwarded.example") is None


@pytest.mark.parametrize("nobody", [[], None, [None], [{}]])
@pytest.mark.parametrize("make", [lambda: bounce(("Permanent", "General")), complaint])
def test_a_bounce_or_a_complaint_that_names_nobody_is_of_the_letters_recipient(
    stage: None, nobody: list[str] | None, make: Any
) -> None:
    """Promise D2: lists of recipients that are empty or missing hide nobody."""
    kind, content = make()
    [part] = content.values()
    [who] = [name for name in part if name.endswith("Recipients")]

    tell(sent_letter(), (kind, {kind.lower(): {**part, who: nobody}}))

    assert suppressed() == kind.lower()


def test_without_a_destination_whom_the_bounce_names_is_suppressed(stage: None) -> None:
    tell(sent_letter(), bounce(("Permanent", "General")), to=None)

    assert suppressed() == "bounce"


def test_a_soft_bounce_that_names_nobody_is_counted(stage: None) -> None:
    """Promise D2: whatever stands, or does not stand, in its list of recipients."""
    nobodies: list[Any] = [[None], [{}], None]
    for nobody in nobodies:
        kind, content = bounce(("Transient", "MailboxFull"))
        content["bounce"]["bouncedRecipients"] = nobody
        tell(sent_letter(), (kind, content))

    assert soft_bounces() == 3


@pytest.mark.parametrize("spoilt", [{"emailAddress": 5}, {"emailAddress": ["x"]}, {"emailAddress": "\ud800@x"}, "x", 7])
def test_one_recipient_that_cannot_be_read_hides_none_of_those_beside_it(stage: None, spoilt: Any) -> None:
    """Promise I1: a bounce names up to 500; the others of it are suppressed."""
    kind, content = bounce(("Permanent", "General"))
    content["bounce"]["bouncedRecipients"].insert(0, spoilt)

    tell(sent_letter(), (kind, content), to=None)

    assert suppressed() == "bounce"


def test_without_a_destination_the_letters_own_header_says_whom_it_was_for(stage: None) -> None:
    """Promise D2: a bounce that leaves the destination out and names nobody is the recipient's all the same."""
    key, (kind, content) = sent_letter(), bounce(("Permanent", "General"))
    content["bounce"]["bouncedRecipients"] = []
    mail = {"tags": event_tags(key), "commonHeaders": {"to": ["Anna <anna@viewers.example>"]}}

    [outcome] = work([json.dumps({"eventType": kind, "mail": mail, **content})])

    assert isinstance(outcome, Line), outcome
    assert suppressed() == "bounce"


@pytest.mark.parametrize("kind", ["Not-Spam", "AUTH-FAILURE"])
def test_the_letter_case_of_a_complaint_says_nothing(stage: None, kind: str) -> None:
    tell(sent_letter(), complaint(kind))

    assert suppressed() is None


@pytest.mark.parametrize(
    "event",
    [
        *(DELIVERY, bounce(("Permanent", "General")), complaint(), ("Send", {"send": {}})),
        *(("Reject", {"reject": {"reason": "Bad content"}}), ("Rendering Failure", {"failure": {}})),
        *(("DeliveryDelay", {"deliveryDelay": {"delayType": "MailboxFull"}}), ("Open", {}), ("Click", {"click": None})),
    ],
)
def test_what_is_told_of_an_unknown_delivery_makes_none(stage: None, event: Event) -> None:
    [outcome] = work([written(event, DeliveryKey(new_id(), "email"))])

    assert isinstance(outcome, Line), outcome
    assert is_ledger_empty()


@pytest.mark.parametrize("body", [{}, None, {"bounceType": None, "bouncedRecipients": [{}]}])
def test_a_bounce_that_says_nothing_changes_nothing(stage: None, body: dict[str, Any] | None) -> None:
    """Promise D1: no type, no status, no text: nobody knows why something came back."""
    key = sent_letter()

    tell(key, DELIVERY, ("Bounce", {"bounce": body}))

    assert state(key) == ("delivered", None)
    assert (suppressed(), soft_bounces()) == (None, 0)


HARD = [
    {"status": "5.1.1"},
    {"status": "5.1.10"},
    {"status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"},
    {"diagnosticCode": "smtp; 550 5.1.1 <anna@viewers.example>: Recipient address rejected"},
    {"status": "5.0.0", "diagnosticCode": "smtp; 550 User unknown"},
    {"status": "5.4.1", "diagnosticCode": "smtp; 550 No such user here"},
    {"status": "4.4.7", "diagnosticCode": "smtp; 550 5.2.1 The email account that you tried to reach is disabled."},
    {"diagnosticCode": "smtp; 554 delivery error: This user doesn't have an account; mailbox not found"},
]
NOT_HARD = [
    (
        {"status": "4.4.7", "diagnosticCode": "smtp; 554 4.4.7 Message expired: unable to deliver in 840 minutes"},
        "soft_bounce",
    ),
    ({"status": "4.1.1", "diagnosticCode": "smtp; 450 4.1.1 user unknown, try again later"}, "soft_bounce"),
    ({"status": "5.2.2", "diagnosticCode": "smtp; 552 5.2.2 mailbox full"}, "soft_bounce"),
    ({"status": "5.4.4", "diagnosticCode": "smtp; 550 5.4.4 Sender address rejected: domain not found"}, "soft_bounce"),
    ({"status": "5.7.1", "diagnosticCode": "smtp; 550 5.7.1 message looks like spam"}, "content_refused"),
    ({"status": "5.3.4"}, "content_refused"),
    ({"status": "5.2.3", "diagnosticCode": "smtp; 552 5.2.3 message length exceeds the limit"}, "content_refused"),
    ({"diagnosticCode": "smtp; 553 5.1.8 the domain of the sender does not exist"}, "content_refused"),
    ({"status": "2.0.0", "action": "delivered"}, "returned"),
    ({"status": "4.0.0", "action": "delayed"}, "returned"),
]


@pytest.mark.parametrize("said", HARD)
@pytest.mark.parametrize("kind", [("Transient", "General"), ("Undetermined", "Undetermined")])
def test_a_hard_failure_that_ses_calls_transient_is_hard(
    stage: None, said: dict[str, str], kind: tuple[str, str]
) -> None:
    """Promise D3: what the mailbox's own server said decides."""
    key = sent_letter()

    tell(key, bounce(kind, **said))

    assert (state(key), suppressed()) == (("bounced", "hard_bounce"), "bounce")


@pytest.mark.parametrize(("said", "reason"), NOT_HARD)
def test_what_the_server_says_for_now_or_of_the_content_is_not_hard(
    stage: None, said: dict[str, str], reason: str
) -> None:
    key = sent_letter()

    tell(key, bounce(("Transient", "General"), **said))

    assert (state(key), suppressed()) == (("bounced", reason), None)
    assert soft_bounces() == (reason == "soft_bounce")


EVENTS: list[Event] = [
    ("Send", {"send": {}}),
    DELIVERY,
    ("DeliveryDelay", {"deliveryDelay": {"delayType": "MailboxFull"}}),
    ("Reject", {"reject": {"reason": "Bad content"}}),
    ("Rendering Failure", {"failure": {"errorMessage": "x", "templateName": "t"}}),
    ("Subscription", {"subscription": {"contactList": "local"}}),
    *(bounce(kind) for kind in BOUNCES),
    bounce(("Transient", "General"), status="5.1.1"),
    AWAY,
    AWAY_TOO,
    *(complaint(kind) for kind in COMPLAINTS),
    *(complaint("abuse", sub_type) for sub_type in WITHHELD_COMPLAINTS),
]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_events_in_any_order_and_number_end_in_one_state(stage: None, data: Any) -> None:
    """Promise D3: whatever comes, in whatever order, as often as it likes: the better informed holds."""
    events = data.draw(st.lists(st.sampled_from(EVENTS), min_size=1, max_size=5))
    other = data.draw(st.permutations([*events, *data.draw(st.lists(st.sampled_from(events), max_size=2))]))
    ends, addresses = [], []
    for order in (events, other):
        address = f"{new_id()}@viewers.example"
        addresses.append(address)
        key = sent_letter()
        bodies = [written(one, key, [address]) for one in order]
        if data.draw(st.booleans()):
            assert all(isinstance(outcome, Line) for outcome in work(bodies))
        else:
            for body in bodies:
                work([body])
        ends.append((state(key), suppressed(address)))

    assert ends[0] == ends[1]


def test_the_counts_of_a_run_follow_the_better_informed(stage: None) -> None:
    """Promise D3: what is counted moves along, in both orders."""
    orders: list[list[Event]] = [[AWAY, DELIVERY], [DELIVERY, AWAY]]
    for n, order in enumerate(orders):
        run_id = f"c-{n}@2026-11-22T12:00"
        [key] = letters_of(run_id)
        Stage.own().ledger.move([Move(key, S.CALLING, owner="a", attempt=1)])
        Stage.own().ledger.move([Move(key, S.SENT, owner="a")])
        tell(key, *order)
        [progress] = read_progresses([PlannedRun(run_id, "2026-11-22T12:00", shards=0, channels=1, targeted=1)])
        assert (progress.sent, progress.delivered, progress.bounced) == (1, 1, 0)


GREETINGS = [
    "Successfully validated SNS topic for Amazon SES event publishing.",
    json.dumps("Successfully validated SNS topic for Amazon SES event publishing."),
    json.dumps(
        {"Type": "Notification", "Message": "Successfully validated SNS topic for Amazon SES event publishing."}
    ),
    json.dumps(
        {"Type": "SubscriptionConfirmation", "Message": "You have chosen to subscribe …", "SubscribeURL": "https://x"}
    ),
    json.dumps({"Type": "UnsubscribeConfirmation", "Message": "You have chosen to deactivate …", "Token": "t"}),
    json.dumps({"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "You have successfully subscribed …"}),
]
IDENTITY = [
    {
        "notificationType": kind,
        "mail": {"messageId": "m", "destination": [ANNA]},
        kind.lower(): {"bounceType": "Permanent"},
    }
    for kind in ("Bounce", "Complaint", "Delivery", "Received")
]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        *((body, "greeting") for body in GREETINGS),
        *((json.dumps({"Type": "Notification", "Message": body}), "greeting") for body in GREETINGS[-1:]),
        *((json.dumps(body), "identity_notification") for body in IDENTITY),
        (json.dumps({"eventType": "Bounce", "mail": {"messageId": "m"}, "bounce": None}), "foreign"),
    ],
)
def test_greetings_and_what_is_not_of_our_sets_are_passed_over_and_counted(stage: None, body: str, name: str) -> None:
    """Promise D6: no greeting of SNS or SES is poison."""
    [outcome] = work([body])

    assert isinstance(outcome, Line)
    assert outcome.counts == {name: 1}
    assert suppressed() is None


def test_an_unexplained_return_is_a_kind_of_the_published_bounces() -> None:
    assert set(BOUNCES) >= UNEXPLAINED


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "1999-12-31T00:00:00Z"])
def test_a_time_that_is_none_counts_as_now(stage: None, at: str) -> None:
    """Promise D3: an event at an end of time is recorded, and so is whatever comes in one batch with it."""
    odd, other = sent_letter(), sent_letter()
    told = [bounce(("Transient", "MailboxFull")), seen_at("Delivery", at), seen_at("Open", at), seen_at("Click", at)]
    told[0][1]["bounce"]["timestamp"] = at
    outcomes = work([*(written(one, odd) for one in told), written(bounce(("Permanent", "General")), other)])

    assert all(isinstance(one, Line) for one in outcomes), outcomes
    assert (state(odd), state(other)) == (("bounced", "soft_bounce"), ("bounced", "hard_bounce"))


def seen_at(kind: str, at: str) -> Event:
    return kind, {kind.lower(): {"timestamp": at, "userAgent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0"}}


def test_half_a_character_takes_nobody_along(stage: None) -> None:
    """Promise D3: JSON may hold one; no table and no hash takes it."""
    odd, other = sent_letter(), sent_letter()
    reply = {"originationNumber": "+1\ud800", "messageBody": "STOP"}
    bodies = [written(complaint(), odd, to=["a\ud800@viewers.example"]), json.dumps(reply)]
    *refused, taken = work([*bodies, written(complaint(), other)])

    assert [type(one) for one in refused] == [PoisonMessageError, PoisonMessageError]
    assert isinstance(taken, Line)
    assert state(other) == ("complained", "complaint")
