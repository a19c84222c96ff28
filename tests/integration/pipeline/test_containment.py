"""One poisonous item among good ones, whatever it holds: the good ones are done once, it ends by itself."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from chalicelib.clock import new_id, now, rfc3339
from chalicelib.deliveries import DeliveryKey, DeliveryStatus, Move
from chalicelib.isolation import each
from chalicelib.pipeline.deliver import deliver_work
from chalicelib.pipeline.feedback import feedback_work
from chalicelib.pipeline.jobs import DeliverJob, DeliverRecipient, EnrichJob, EnrichRecipient, LetterSpec
from chalicelib.profiles.model import User
from chalicelib.profiles.preferences import Preferences
from chalicelib.settings import settings as stage_settings
from chalicelib.stage.app import Stage
from chalicelib.storage.rows.configuration import TemplateRow
from chalicelib.storage.rows.people import CapRow, PreferencesRow, SuppressionRow, UserRow
from tests.integration.conftest import Pump, moto_of
from tests.integration.pipeline.test_deliver import ToldChannel, job
from tests.integration.pipeline.test_deliver import channel as channel
from tests.integration.pipeline.test_feedback import event
from tests.integration.poison import ANYTHING, ATTRIBUTE, spoil
from tests.ledgers import event_tags, letters_of, raw_delivery, state, stored
from tests.processes import compose

some = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
FINAL = {"skipped", "failed", "sent"}


def alone_at_their_addresses(job: DeliverJob) -> DeliverJob:
    """No address is that of another letter."""
    return job.only(one.model_copy(update={"address": f"{new_id()}@example.com"}) for one in job.recipients)


def raw_put(model: Any, item: Mapping[str, Any]) -> None:
    """Writes what no code of ours would write. What no table holds either is no example."""
    try:
        boto3.client("dynamodb").put_item(TableName=model._get_connection().table_name, Item=dict(item))
    except ClientError:
        reject()


# ---------------------------------------------------------------- deliver


@given(
    field=st.sampled_from(["user", "user.timezone", "user.name", "user.attributes", "context", "locale", "address"]),
    value=ANYTHING,
    category=st.sampled_from(["marketing", "account"]),
)
@some
def test_a_recipient_that_nobody_can_write_to_fails_alone(
    channel: ToldChannel, field: str, value: Any, category: str
) -> None:
    """Promise I1."""
    channel.given.clear()
    one = alone_at_their_addresses(job(4, category=category, accepted_at="2026-11-22T10:00:00.000000Z"))
    poisoned = one.recipients[1]
    name, _, inner = field.partition(".")
    changed = {**poisoned.user, inner: value} if inner else value
    recipients = list(one.recipients)
    # As a message may hold it: `model_construct` looks at nothing.
    recipients[1] = DeliverRecipient.model_construct(**{**dict(poisoned), name: changed})

    Stage.own().deliver.deliver(one.only(recipients))

    good = [r for n, r in enumerate(one.recipients) if n != 1]
    assert [state(r.notification_id) for r in good] == [("sent", None)] * 3
    sent = Counter(message.delivery_id for message in channel.given)
    assert all(sent[f"{r.notification_id}_email"] == 1 for r in good)
    end = state(poisoned.notification_id)
    assert end is not None and end[0] in FINAL
    assert sent[f"{poisoned.notification_id}_email"] == (end[0] == "sent")


@given(data=st.data())
@some
def test_stored_rows_that_nobody_can_read_stop_their_own_letter(channel: ToldChannel, data: Any) -> None:
    """Promise I1: preferences, a suppression, a cap or a delivery of a damaged shape."""
    Stage.own().site_settings.put("caps", {"marketing": {"letters": 5, "days": 1}}, by="test")
    one = job(4)
    recipients = [
        r.model_copy(update={"user_id": new_id(), "address": f"{new_id()}@example.com"}) for r in one.recipients
    ]
    one, poisoned = one.only(recipients), recipients[1]
    address = Stage.own().address_hashes.key("email", poisoned.address)
    delivery = raw_delivery(poisoned.notification_id)
    model, item, names = data.draw(
        st.sampled_from(
            [
                (PreferencesRow, {"user_id": {"S": poisoned.user_id}}, ["preferences", "words", "updated_at"]),
                (SuppressionRow, {"address": {"S": address}}, ["reason", "said", "gone", "erased_at", "until_epoch"]),
                (
                    CapRow,
                    {"user_id": {"S": poisoned.user_id}, "category": {"S": "marketing"}, "version": {"N": "1"}},
                    ["taken", "letters", "version"],
                ),
                delivery,
            ]
        )
    )
    raw_put(model, data.draw(spoil(item, names)))

    Stage.own().deliver.deliver(one)

    for n, recipient in enumerate(recipients):
        if n != 1:
            assert state(recipient.notification_id) == ("sent", None)
    # Of a delivery that cannot be read nobody knows whether it was sent: it is not.
    if item is not delivery.item:
        end = state(poisoned.notification_id)
        assert end is not None and end[0] in FINAL


@pytest.mark.parametrize("letter", [{"template_version": 7}, {"layout": "shipped-0000"}, {"template": "gone"}])
def test_letters_of_a_template_that_is_not_there_have_failed_and_say_so(
    channel: ToldChannel, letter: dict[str, Any]
) -> None:
    """Promise I1: nobody waits for it."""
    one = job(2, **letter)

    Stage.own().deliver.deliver(one)

    assert [state(r.notification_id) for r in one.recipients] == [("failed", "template_error")] * 2
    assert "there is no" in str(stored(one.recipients[0].notification_id).timeline)


@given(value=ATTRIBUTE)
@some
def test_letters_of_a_template_that_cannot_be_read_have_failed(channel: ToldChannel, value: Any) -> None:
    """Promise I1."""
    compose()
    row = {"key": {"S": "promo"}, "version": {"N": "9"}, "created_at": {"S": ""}, "created_by": {"S": ""}}
    raw_put(TemplateRow, {**row, "body": value})
    one = job(2, template_version=9)

    Stage.own().deliver.deliver(one)

    assert [state(r.notification_id) for r in one.recipients] == [("failed", "template_error")] * 2


# ---------------------------------------------------------------- enrich


def enrich_job(recipients: list[EnrichRecipient]) -> EnrichJob:
    letter = LetterSpec.model_validate(
        {
            "template": "promo",
            "template_version": 0,
            "category": "marketing",
            "lane": "bulk",
            "context": {},
            "request_id": new_id(),
            "accepted_at": rfc3339(now()),
        }
    )
    return EnrichJob(letter=letter, channels=("email",), recipients=tuple(recipients))


def going() -> Counter[str]:
    """How often each notification went on to `deliver`."""
    queue = moto_of("sqs").queues[stage_settings().resource("deliver-email-bulk")]
    bodies = [message.body for message in queue._messages]
    queue._messages.clear()
    return Counter(r["notification_id"] for body in bodies for r in json.loads(body)["recipients"])


@given(data=st.data())
@some
def test_a_user_whose_rows_cannot_be_read_fails_alone(pump: Pump, data: Any) -> None:
    """Promise I1: a profile, preferences or a delivery of a damaged shape."""
    users = [f"u-{new_id()}" for _ in range(4)]
    Stage.own().directory.put_many([User(id=one, email=f"{one}@example.com") for one in users])
    wish = {"digests": {"series": {"every": "day"}}, "quiet_hours": {"from": "22:00", "to": "22:01"}}
    Stage.own().preferences.put(users[1], Preferences.model_validate(wish))
    one = enrich_job([EnrichRecipient(notification_id=new_id(), user_id=user) for user in users])
    poisoned = one.recipients[1]
    delivery = raw_delivery(poisoned.notification_id)
    model, item, names = data.draw(
        st.sampled_from(
            [
                (
                    UserRow,
                    {"id": {"S": users[1]}, "email": {"S": f"{users[1]}@example.com"}, "created_at": {"S": ""}},
                    ["email", "name", "attributes", "timezone", "locale", "confirmed_email", "phone"],
                ),
                (PreferencesRow, {"user_id": {"S": users[1]}, "updated_at": {"S": ""}}, ["preferences", "words"]),
                delivery,
            ]
        )
    )
    spoilt = data.draw(spoil(item, names))
    if model is UserRow and "S" not in spoilt.get("email", {"S": ""}):
        spoilt = {name: value for name, value in spoilt.items() if name != "email"}  # the key of an index is a text
    raw_put(model, spoilt)

    Stage.own().enrich.enrich(one)

    went = going()
    good = [r.notification_id for n, r in enumerate(one.recipients) if n != 1]
    assert {one for one in good if went[one]} == set(good)
    if item is not delivery.item and not went[poisoned.notification_id]:
        end = state(poisoned.notification_id)
        assert end is not None and end[0] in {"skipped", "failed", "waiting"}


@given(field=st.sampled_from(["email", "name", "locale", "timezone", "attributes"]), value=ANYTHING)
@some
def test_an_addressee_who_cannot_be_read_fails_alone(pump: Pump, field: str, value: Any) -> None:
    """Promise I1: whatever a request or a list says about somebody who is in no directory."""
    given_ = [{"email": f"{new_id()}@example.com"} for _ in range(4)]
    given_[1] = {**given_[1], field: value}
    recipients = [
        EnrichRecipient.model_construct(
            notification_id=new_id(), user_id=None, profile=one, context=None, duplicate=False
        )
        for one in given_
    ]
    one = enrich_job([EnrichRecipient(notification_id=new_id(), user_id="u-1")]).only(recipients)

    Stage.own().enrich.enrich(one)

    went = going()
    assert all(went[r.notification_id] for n, r in enumerate(recipients) if n != 1)
    if not went[recipients[1].notification_id]:
        end = state(recipients[1].notification_id)
        assert end is not None and end[0] in {"skipped", "failed"}


# ---------------------------------------------------------------- feedback


def single_letters() -> list[DeliveryKey]:
    return [DeliveryKey(new_id(), "email") for _ in range(4)]


def letters_of_a_chunk() -> list[DeliveryKey]:
    return letters_of("c@2026-11-22T12:00:00Z", 4)


def send(keys: list[DeliveryKey]) -> None:
    Stage.own().ledger.move([Move(key, DeliveryStatus.CALLING, owner="a", attempt=1) for key in keys])
    Stage.own().ledger.move([Move(key, DeliveryStatus.SENT, owner="a", provider_id="ses-1") for key in keys])


@given(
    make=st.sampled_from([single_letters, letters_of_a_chunk]),
    kind=st.sampled_from(["Send", "Delivery", "Bounce", "Complaint", "Open", "DeliveryDelay"]),
    place=st.lists(
        st.sampled_from(["eventType", "mail", "tags", "delivery", "spot", "destination", "messageId", "part"]),
        max_size=3,
    ),
    inner=st.sampled_from(["timestamp", "bounceType", "bouncedRecipients", "complainedRecipients", "userAgent"]),
    value=ANYTHING,
)
@some
def test_an_event_that_nobody_can_read_stops_no_other(
    pump: Pump, make: Callable[[], list[DeliveryKey]], kind: str, place: list[str], inner: str, value: Any
) -> None:
    """Promise I1: it alone goes back to its queue, and ends in the dead letters."""
    keys = make()
    send(keys)
    bodies = [json.loads(event("Delivery", event_tags(key))) for key in keys]
    poisoned = json.loads(event(kind, event_tags(keys[1]), **{inner: value}))
    for name in place:
        if name in ("tags", "destination", "messageId"):
            if isinstance(poisoned.get("mail"), dict):
                poisoned["mail"][name] = deepcopy(value)
        elif name in ("delivery", "spot"):
            if isinstance(poisoned.get("mail"), dict) and isinstance(poisoned["mail"].get("tags"), dict):
                poisoned["mail"]["tags"][name] = deepcopy(value)
        else:
            poisoned[name] = deepcopy(value)
    bodies[1] = poisoned

    outcomes = feedback_work(Stage.own().feedback, Stage.own().sms_replies)([json.dumps(b) for b in bodies])

    assert [one for n, one in enumerate(outcomes) if n != 1 and isinstance(one, Exception)] == []
    assert [state(key) for n, key in enumerate(keys) if n != 1] == [("delivered", None)] * 3


@given(data=st.data())
@some
def test_an_event_of_a_damaged_delivery_stops_no_other(pump: Pump, data: Any) -> None:
    """Promise I1."""
    keys = single_letters()
    send(keys)
    model, item, names = raw_delivery(keys[1])
    raw_put(model, data.draw(spoil(item, names)))
    bodies = [event(kind, event_tags(key)) for key in keys for kind in ("Send", "Delivery", "Open")]

    outcomes = feedback_work(Stage.own().feedback, Stage.own().sms_replies)(bodies)

    assert [one for n, one in enumerate(outcomes) if n // 3 != 1 and isinstance(one, Exception)] == []
    assert [state(key) for n, key in enumerate(keys) if n != 1] == [("delivered", None)] * 3


# ---------------------------------------------------------------- messages


@given(field=st.sampled_from(["notification_id", "spot", "address", "locale", "user", "context", None]), value=ANYTHING)
@some
def test_a_message_that_is_spoiled_by_one_recipient_is_done_for_the_others(
    channel: ToldChannel, field: str | None, value: Any
) -> None:
    """Promise I1: it goes to the dead letters for the one, and no other is written to twice."""
    channel.given.clear()
    one = alone_at_their_addresses(job(4))
    plain = json.loads(one.model_dump_json())
    good = [r.notification_id for n, r in enumerate(one.recipients) if n != 1]
    plain["recipients"][1] = value if field is None else {**plain["recipients"][1], field: value}
    body = json.dumps(plain)

    for _ in range(2):
        each(deliver_work(Stage.own().deliver), [body], alone=lambda *_: None)

    assert [state(one) for one in good] == [("sent", None)] * 3
    assert [m.delivery_id for m in channel.given if m.delivery_id[:36] in good] == [f"{one}_email" for one in good]
