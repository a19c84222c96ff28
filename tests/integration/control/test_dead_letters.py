"""Dead letters: looked at, put back, thrown away; and the deliveries that wait for a person."""

import json
from itertools import count
from typing import Any

import boto3
import pytest

from chalicelib.clock import now
from chalicelib.deliveries import DeliveryKey, DeliveryStatus, Move
from chalicelib.errors import ConflictError, InvalidError, NotFoundError, UnavailableError
from chalicelib.flow.queues import QueueMessage
from chalicelib.pipeline.jobs import DeliverJob, EnrichJob
from chalicelib.pipeline.requests import NotificationRequest
from chalicelib.pipeline.retry import RetryJob
from chalicelib.services.operator_actions import describe_dead_letter, why_dead
from chalicelib.settings import settings
from chalicelib.stage.app import Stage
from tests.integration.conftest import Letters, Pump
from tests.ledgers import stored
from tests.processes import compose

QUEUE = "deliver-email-bulk"
PROMO = {
    "template": "promo",
    "context": {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"},
}
UNCERTAIN, FAILED, SENT = DeliveryStatus.UNCERTAIN, DeliveryStatus.FAILED, DeliveryStatus.SENT


def accepted(number: int, lane: str = "bulk") -> list[str]:
    """Ids of notifications to so many people whose jobs wait in the deliver queue."""
    people = [{"email": f"viewer-{n}@example.com"} for n in range(number)]
    request = NotificationRequest.model_validate({**PROMO, "recipients": people, "lane": lane})
    return [one.id for one in Stage.own().accept.accept(request, caller="shop", key=None)]


def dead(pump: Pump, ids: list[str], status: DeliveryStatus | None) -> str:
    """The job of these notifications, taken out of its queue with its deliveries left in a state."""
    pump.run("enrich-bulk")
    [body] = pump.bodies(QUEUE)
    purge(QUEUE)
    if status is not None:
        settle(ids, status)
    job = json.loads(body)
    pump.put(f"{QUEUE}-dlq", json.dumps({**job, "attempt": 8}))
    return body


def settle(ids: list[str], status: DeliveryStatus) -> None:
    keys = [DeliveryKey(one, "email") for one in ids]
    Stage.own().ledger.move([Move(k, DeliveryStatus.CALLING, owner="w", lease_until=now(), attempt=8) for k in keys])
    assert Stage.own().ledger.move([Move(k, status, reason="throttled", owner="w") for k in keys]) == {}


def status_of(notification_id: str) -> str:
    return stored(notification_id).status


def purge(queue: str) -> None:
    sqs = boto3.client("sqs")
    sqs.purge_queue(QueueUrl=sqs.get_queue_url(QueueName=settings().resource(queue))["QueueUrl"])


def put_many(pump: Pump, number: int) -> None:
    for n in range(number):
        pump.put(f"{QUEUE}-dlq", json.dumps({"n": n}))


def message_ids() -> list[str]:
    return [letter.id for letter in Stage.own().dead_letters.look(QUEUE, limit=100)]


def test_a_look_shows_more_than_a_batch_and_leaves_all_where_it_is(pump: Pump) -> None:
    put_many(pump, 25)

    assert len(set(message_ids())) == 25
    assert Stage.own().dead_letters.count(QUEUE) == 25
    assert Stage.own().dead_letters.counts() == {
        **dict.fromkeys(Stage.own().dead_letters.counts(), 0),
        QUEUE: 25,
    }


def test_a_look_shows_no_more_than_was_asked_for(pump: Pump) -> None:
    put_many(pump, 15)

    assert len(Stage.own().dead_letters.look(QUEUE, limit=12)) == 12


def test_what_failed_is_sent_after_a_redrive_from_its_first_attempt(pump: Pump, letters: Letters) -> None:
    ids = accepted(2)
    dead(pump, ids, FAILED)

    assert Stage.own().operator_actions.redrive(QUEUE, limit=10) == 1
    assert DeliverJob.model_validate_json(pump.bodies(QUEUE)[0]).attempt == 1
    assert [status_of(one) for one in ids] == ["queued", "queued"]
    assert Stage.own().dead_letters.count(QUEUE) == 0


@pytest.mark.parametrize("status", [SENT, UNCERTAIN])
def test_what_was_sent_or_may_have_been_is_not_sent_by_a_redrive(
    pump: Pump, letters: Letters, status: DeliveryStatus
) -> None:
    ids = accepted(1)
    dead(pump, ids, status)

    Stage.own().operator_actions.redrive(QUEUE, limit=10)
    pump.run(QUEUE)
    assert letters() == []
    assert status_of(ids[0]) == status.value


def test_of_a_chunk_only_those_who_failed_get_a_letter(pump: Pump, letters: Letters) -> None:
    ids = accepted(3)
    dead(pump, ids, None)
    settle(ids[:1], SENT)
    settle(ids[1:2], UNCERTAIN)
    settle(ids[2:], FAILED)

    Stage.own().operator_actions.redrive(QUEUE, limit=10)
    pump.run(QUEUE)
    assert [letter["to"] for letter in letters()] == [["viewer-2@example.com"]]
    assert [status_of(one) for one in ids] == ["sent", "uncertain", "sent"]


def test_a_redrive_done_twice_sends_once(pump: Pump, letters: Letters) -> None:
    ids = accepted(1)
    body = dead(pump, ids, FAILED)
    pump.put(f"{QUEUE}-dlq", body)

    assert Stage.own().operator_actions.redrive(QUEUE, limit=10) == 2
    pump.run(QUEUE)
    assert len(letters()) == 1


def test_a_job_of_enrich_goes_back_from_its_first_attempt_and_a_foreign_body_as_it_is(pump: Pump) -> None:
    accepted(1)
    [body] = pump.bodies("enrich-bulk")
    purge("enrich-bulk")
    pump.put("enrich-bulk-dlq", json.dumps({**json.loads(body), "attempt": 8}))
    pump.put("feedback-dlq", '{"not": "ours"}')

    Stage.own().operator_actions.redrive("enrich-bulk", limit=10)
    Stage.own().operator_actions.redrive("feedback", limit=10)
    assert [EnrichJob.model_validate_json(one).attempt for one in pump.bodies("enrich-bulk")] == [1]
    assert pump.bodies("feedback") == ['{"not": "ours"}']


def test_a_redrive_by_ids_finds_them_behind_any_number_of_others_and_hides_nobody(pump: Pump) -> None:
    put_many(pump, 45)
    wanted = sorted(set(message_ids()))[-2:]
    show_again(pump)

    assert Stage.own().operator_actions.redrive(QUEUE, limit=10, ids=wanted) == 2
    assert Stage.own().dead_letters.count(QUEUE) == 43
    assert len(pump.bodies(QUEUE)) == 2
    assert len(message_ids()) == 43


def show_again(pump: Pump) -> None:
    """What a look hides comes back by itself after two seconds; the backend is told that they are over."""
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.sqs.models import sqs_backends

    for message in (
        sqs_backends[DEFAULT_ACCOUNT_ID]["eu-central-1"].queues[settings().resource(f"{QUEUE}-dlq")]._messages
    ):
        message.visible_at = 0


def test_of_more_ids_than_the_limit_no_more_are_moved(pump: Pump) -> None:
    put_many(pump, 12)
    wanted = message_ids()
    show_again(pump)

    assert Stage.own().operator_actions.redrive(QUEUE, limit=3, ids=wanted) == 3
    assert (len(pump.bodies(QUEUE)), len(message_ids())) == (3, 9)


def test_a_redrive_that_takes_long_answers_with_what_it_has_done(pump: Pump) -> None:
    put_many(pump, 45)
    compose(monotonic=count(0, 7).__next__)  # seven seconds for ten letters

    assert [Stage.own().operator_actions.redrive(QUEUE, limit=45) for _ in range(4)] == [20, 20, 5, 0]
    assert sum(Stage.own().queues.counts(QUEUE)) == 45


def test_ids_that_are_not_there_move_nothing(pump: Pump) -> None:
    put_many(pump, 3)

    assert Stage.own().operator_actions.redrive(QUEUE, limit=10, ids=["no-such"]) == 0
    assert Stage.own().dead_letters.count(QUEUE) == 3


def test_a_redrive_that_cannot_be_queued_leaves_the_letter_where_it_was(pump: Pump) -> None:
    put_many(pump, 3)
    sqs = boto3.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=settings().resource(QUEUE))["QueueUrl"])

    with pytest.raises(UnavailableError):
        Stage.own().operator_actions.redrive(QUEUE, limit=10)
    assert Stage.own().dead_letters.count(QUEUE) == 3


def test_what_is_dropped_is_gone_and_the_log_says_who_and_why_and_nothing_of_the_body(
    pump: Pump, caplog: pytest.LogCaptureFixture
) -> None:
    pump.put(f"{QUEUE}-dlq", '{"address": "anna@example.com"}')

    assert Stage.own().operator_actions.drop(QUEUE, limit=10, reason="a test of mine", by="key:ops") == 1
    assert Stage.own().dead_letters.count(QUEUE) == 0
    [told] = [vars(record) for record in caplog.records if record.message == "dead letter dropped"]
    assert (told["reason"], told["by"], told["queue"]) == ("a test of mine", "key:ops", QUEUE)
    assert "anna" not in str(told)


def test_an_unknown_queue_is_answered_with_those_that_exist(stage: None) -> None:
    for act in (
        lambda: Stage.own().dead_letters.count("mail"),
        lambda: Stage.own().dead_letters.look("mail", limit=1),
        lambda: Stage.own().operator_actions.redrive("mail", limit=1),
    ):
        with pytest.raises(NotFoundError, match="deliver-email-bulk"):
            act()


def test_a_queue_that_does_not_answer_is_unavailable(stage: None) -> None:
    sqs = boto3.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=settings().resource(f"{QUEUE}-dlq"))["QueueUrl"])

    with pytest.raises(UnavailableError):
        Stage.own().dead_letters.count(QUEUE)


def described(body: str) -> dict[str, Any]:
    return describe_dead_letter(QueueMessage(id="m-1", body=body, sent_at=now(), receives=5))


def test_a_description_names_the_job_and_nothing_personal(pump: Pump) -> None:
    ids = accepted(1)
    told = described(dead(pump, ids, None))

    assert (told["readable"], told["template"], told["attempt"], told["notification_ids"]) == (True, "promo", 1, ids)
    assert "viewer" not in str(told)


def test_why_a_letter_is_dead_is_told_by_what_it_is() -> None:
    assert why_dead(described("{"), max_attempts=8) == "unreadable"
    assert why_dead({"readable": True, "attempt": 8}, max_attempts=8) == "attempts_used_up"
    assert why_dead({"readable": True, "attempt": 3}, max_attempts=8) == "worker_failed"


def test_a_job_that_was_put_aside_is_described_too(pump: Pump) -> None:
    ids = accepted(1)
    body = dead(pump, ids, None)
    aside = RetryJob(kind="forward", queue=QUEUE, body=body, not_before="2026-11-22T10:00:00.000000Z")

    assert described(aside.model_dump_json())["notification_ids"] == ids


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        '"text"',
        "{}",
        '{"letter": {"template": 5}, "recipients": []}',
        '{"letter": {"template": "x"}, "recipients": [7]}',
        '{"letter": null, "recipients": {}}',
    ],
)
def test_a_poison_letter_is_unreadable_and_breaks_nothing(body: str) -> None:
    told = described(body)

    assert told["readable"] is False
    assert set(told) == {"id", "sent_at", "receives", "size_bytes", "readable"}


# ------------------------------------------------------------------ deliveries that wait for a person


def waiting(pump: Pump, number: int) -> list[DeliveryKey]:
    ids = accepted(number)
    pump.run("enrich-bulk")
    purge(QUEUE)
    settle(ids, UNCERTAIN)
    return [DeliveryKey(one, "email") for one in ids]


def test_the_list_is_paged_and_misses_and_repeats_nobody(pump: Pump) -> None:
    keys = waiting(pump, 7)
    seen, cursor = [], None
    for _ in range(4):
        rows, cursor = Stage.own().ledger.uncertain(limit=3, cursor=cursor)
        seen += [row.key.notification_id for row in rows]
        if cursor is None:
            break

    assert sorted(seen) == sorted(key.notification_id for key in keys)


def test_a_cursor_of_another_list_is_refused(stage: None) -> None:
    with pytest.raises(InvalidError):
        Stage.own().ledger.uncertain(limit=3, cursor="bm90IG91cnM")


def test_what_is_assumed_sent_leaves_the_list_and_is_never_sent(pump: Pump, letters: Letters) -> None:
    [key] = waiting(pump, 1)
    Stage.own().operator_actions.assume_sent(key)

    assert Stage.own().ledger.uncertain(limit=10, cursor=None) == ([], None)
    assert status_of(key.notification_id) == "sent"
    with pytest.raises(ConflictError):
        Stage.own().operator_actions.send_again(key)
    assert letters() == []


def test_what_is_sent_again_gets_one_more_letter(pump: Pump, letters: Letters) -> None:
    [key] = waiting(pump, 1)
    Stage.own().operator_actions.send_again(key)
    arrive("enrich-bulk")

    pump.run()
    assert len(letters()) == 1
    assert status_of(key.notification_id) == "sent"


def arrive(queue: str) -> None:
    """The delay of what is in a queue is over."""
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.sqs.models import sqs_backends

    for message in sqs_backends[DEFAULT_ACCOUNT_ID]["eu-central-1"].queues[settings().resource(queue)]._messages:
        message.delayed_until = 0


def test_two_people_who_both_ask_for_one_more_letter_cause_one(pump: Pump, letters: Letters) -> None:
    [key] = waiting(pump, 1)
    Stage.own().operator_actions.send_again(key)
    Stage.own().operator_actions.send_again(key)  # the second has what they asked for already
    arrive("enrich-bulk")

    pump.run()
    assert len(letters()) == 1


def test_whoever_assumes_sent_after_another_asked_to_retry_is_refused(pump: Pump) -> None:
    [key] = waiting(pump, 1)
    Stage.own().operator_actions.send_again(key)

    with pytest.raises(ConflictError):
        Stage.own().operator_actions.assume_sent(key)
    assert status_of(key.notification_id) == "queued"


def test_what_a_person_has_decided_may_be_decided_so_again(pump: Pump) -> None:
    """Promise B4: two windows, one decision: the second is no failure and does nothing."""
    first, second = waiting(pump, 2)
    for _ in range(2):
        Stage.own().operator_actions.send_again(first)
        Stage.own().operator_actions.assume_sent(second)
    assert (status_of(first.notification_id), status_of(second.notification_id)) == ("queued", "sent")
    assert pump.waiting("enrich-bulk") + pump.waiting("enrich-instant") == 1


@pytest.mark.parametrize("status", [DeliveryStatus.QUEUED, SENT, FAILED])
def test_only_what_is_uncertain_can_be_assumed_sent(pump: Pump, status: DeliveryStatus) -> None:
    ids = accepted(1)
    settle(ids, status)

    with pytest.raises(ConflictError, match="not uncertain"):
        Stage.own().operator_actions.assume_sent(DeliveryKey(ids[0], "email"))
    assert status_of(ids[0]) == status.value


def test_what_failed_may_be_sent_again(pump: Pump, letters: Letters) -> None:
    ids = accepted(1)
    purge("enrich-bulk")
    settle(ids, FAILED)
    Stage.own().operator_actions.send_again(DeliveryKey(ids[0], "email"))
    arrive("enrich-bulk")

    pump.run()
    assert len(letters()) == 1


def test_when_the_queue_is_down_a_retry_changes_nothing_and_may_be_repeated(pump: Pump) -> None:
    [key] = waiting(pump, 1)
    sqs = boto3.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=settings().resource("enrich-bulk"))["QueueUrl"])

    with pytest.raises(UnavailableError):
        Stage.own().operator_actions.send_again(key)
    assert status_of(key.notification_id) == "uncertain"


def test_a_delivery_that_does_not_exist_is_not_found(stage: None) -> None:
    for act in (Stage.own().operator_actions.assume_sent, Stage.own().operator_actions.send_again):
        with pytest.raises(NotFoundError):
            act(DeliveryKey("no-such", "email"))
