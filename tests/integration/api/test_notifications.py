"""`/v1/notifications`: accepted means safe, the same key is the same letter, the history tells the truth."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.clock import new_id, now, rfc3339
from chalicelib.pipeline.accept import Accept
from chalicelib.pipeline.jobs import EnrichJob, read_job
from chalicelib.settings import settings
from chalicelib.stage.app import Stage
from chalicelib.storage.cursor import write_cursor
from chalicelib.storage.dynamodb import dynamodb
from chalicelib.storage.enlisting import record_notifications
from chalicelib.storage.notifications import read_notification
from chalicelib.storage.rows.ledger import RequestRow
from tests.integration.api.gateway import PROMO, Gateway, gateway, nothing_happened
from tests.integration.conftest import Letters, Pump, messages_in
from tests.integration.faults import LostReply, unreachable
from tests.ledgers import kept_until

ANNA = {"email": "anna@example.com"}
REQUEST: dict[str, Any] = {**PROMO, "recipients": [ANNA]}


def ids_of(reply: Any) -> list[str]:
    assert reply.status == 202, reply.text
    return [one["id"] for one in reply.body["notifications"]]


# ---------------------------------------------------------------- accepting


def test_every_recipient_gets_a_notification_in_order_with_an_address_to_watch_it(api: Gateway) -> None:
    recipients = [{"user_id": "u-1"}, {**ANNA, "name": "Анна", "locale": "en"}]

    reply = api.post("/v1/notifications", {**PROMO, "recipients": recipients})

    told = reply.body["notifications"]
    assert [one["recipient"] for one in told] == recipients
    assert [one["status"] for one in told] == ["accepted", "accepted"]
    assert [one["url"] for one in told] == [f"{settings().public_url}/v1/notifications/{one['id']}" for one in told]
    assert len({one["id"] for one in told}) == 2


def test_what_was_accepted_can_be_read_before_any_worker_has_seen_it(api: Gateway) -> None:
    [id_] = ids_of(api.post("/v1/notifications", REQUEST))

    told = api.get(f"/v1/notifications/{id_}").body

    assert (told["status"], told["recipient"], told["deliveries"]) == ("accepted", ANNA, [])
    assert (told["template"], told["category"], told["channels"], told["lane"]) == (
        "promo",
        "marketing",
        ["email"],
        "instant",
    )


def test_a_hundred_recipients_are_taken_and_all_get_their_letter(api: Gateway, pump: Pump, letters: Letters) -> None:
    Stage.own().limiter.set_rate("ses.instant", 1_000)
    recipients = [{"email": f"u{n}@example.com"} for n in range(100)]

    ids = ids_of(api.post("/v1/notifications", {**PROMO, "recipients": recipients}))
    pump.run()

    assert len(set(ids)) == 100
    assert sorted(letter["to"][0] for letter in letters()) == sorted(one["email"] for one in recipients)


def test_a_cyrillic_body_near_the_limit_is_stored_whole(api: Gateway) -> None:
    text = "я" * 50_000
    names = [{"email": f"u{n}@example.com", "name": "Ж" * 200} for n in range(100)]

    reply = api.post(
        "/v1/notifications", {**REQUEST, "recipients": names, "context": {**PROMO["context"], "text": text}}
    )

    assert reply.status == 202
    [stored] = [row for row in RequestRow.scan() if isinstance(row, RequestRow)]
    assert stored.letter["context"]["text"] == text


def test_characters_that_sqs_refuses_reach_the_worker(api: Gateway, pump: Pump) -> None:
    strange = "a\uffffb\ufffecd"

    ids_of(api.post("/v1/notifications", {**REQUEST, "context": {**PROMO["context"], "text": strange}}))

    [body] = pump.bodies("enrich-instant")
    assert not set("\uffff\ufffe") & set(body)
    assert read_job(EnrichJob, body).letter.context["text"] == strange


def test_the_bulk_lane_has_queues_of_its_own(api: Gateway) -> None:
    ids_of(api.post("/v1/notifications", {**REQUEST, "lane": "bulk"}))

    assert (messages_in("enrich-bulk"), messages_in("enrich-instant")) == (1, 0)


# ---------------------------------------------------------------- Idempotency-Key


def test_the_same_key_and_body_give_the_same_ids_and_one_letter(api: Gateway, pump: Pump, letters: Letters) -> None:
    first = ids_of(api.post("/v1/notifications", REQUEST, idempotency_key="order-7"))
    pump.run()
    again = ids_of(api.post("/v1/notifications", REQUEST, idempotency_key="order-7"))
    pump.run()

    assert first == again
    assert len(letters()) == 1


def test_the_same_body_written_otherwise_is_the_same_body(api: Gateway) -> None:
    at = {**REQUEST, "send_at": "2026-11-22T10:00:00Z"}
    other = dict(reversed(at.items())) | {"send_at": "2026-11-22T13:00:00+03:00", "lane": "instant"}

    first = api.post("/v1/notifications", at, idempotency_key="k")

    assert ids_of(api.post("/v1/notifications", other, idempotency_key="k")) == ids_of(first)


def test_the_same_key_with_another_body_is_a_conflict_and_changes_nothing(api: Gateway) -> None:
    [id_] = ids_of(api.post("/v1/notifications", REQUEST, idempotency_key="order-7"))
    before = api.get(f"/v1/notifications/{id_}").body

    reply = api.post(
        "/v1/notifications", {**REQUEST, "recipients": [{"email": "b@example.com"}]}, idempotency_key="order-7"
    )

    assert reply.status == 409
    assert api.get(f"/v1/notifications/{id_}").body == before
    assert messages_in("enrich-instant") == 1


def test_the_same_key_of_another_caller_is_another_key(api: Gateway) -> None:
    mine = ids_of(api.post("/v1/notifications", REQUEST, idempotency_key="order-7"))

    assert ids_of(gateway().post("/v1/notifications", REQUEST, idempotency_key="order-7")) != mine


def test_without_a_key_every_call_is_a_new_letter(api: Gateway, pump: Pump, letters: Letters) -> None:
    assert ids_of(api.post("/v1/notifications", REQUEST)) != ids_of(api.post("/v1/notifications", REQUEST))
    pump.run()

    assert len(letters()) == 2


# ---------------------------------------------------------------- subsystems that do not answer


def test_when_sqs_is_down_the_answer_is_503_and_a_retry_with_the_key_sends_one_letter(
    api: Gateway, pump: Pump, letters: Letters
) -> None:
    events = Stage.own().sqs.meta.events
    events.register_first("before-send.sqs.SendMessageBatch", unreachable)
    refused = api.post("/v1/notifications", REQUEST, idempotency_key="order-7")
    events.unregister("before-send.sqs.SendMessageBatch", unreachable)
    pump.run()
    assert (refused.status, letters()) == (503, [])
    assert int(refused.headers["retry-after"]) > 0

    ids_of(api.post("/v1/notifications", REQUEST, idempotency_key="order-7"))
    ids_of(api.post("/v1/notifications", REQUEST, idempotency_key="order-7"))
    pump.run()

    assert [letter["to"] for letter in letters()] == [["anna@example.com"]]


def test_when_the_queue_is_gone_the_answer_is_503(api: Gateway) -> None:
    sqs = Stage.own().sqs
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=settings().resource("enrich-instant"))["QueueUrl"])

    assert api.post("/v1/notifications", REQUEST).status == 503


def test_when_a_reply_of_sqs_is_lost_the_letter_is_still_one(api: Gateway, pump: Pump, letters: Letters) -> None:
    events = Stage.own().sqs.meta.events
    lose_once = LostReply()
    events.register_first("before-send.sqs.SendMessageBatch", lose_once)

    ids_of(api.post("/v1/notifications", REQUEST))
    pump.run()

    assert lose_once.lost == 1
    assert len(letters()) == 1


@pytest.mark.parametrize("operation", ["PutItem", "BatchWriteItem"])
def test_when_dynamodb_is_down_the_answer_is_503_and_no_job_leaves(api: Gateway, operation: str) -> None:
    api.post("/v1/notifications", {})  # the key is known now
    events = dynamodb().client.meta.events
    events.register_first(f"before-send.dynamodb.{operation}", unreachable)

    reply = api.post("/v1/notifications", REQUEST)

    assert reply.status == 503
    assert messages_in("enrich-instant") == 0


def test_when_the_keys_cannot_be_read_the_answer_is_503_and_not_401(api: Gateway) -> None:
    dynamodb().client.meta.events.register_first("before-send.dynamodb.GetItem", unreachable)

    reply = api.post("/v1/notifications", REQUEST)

    assert reply.status == 503
    assert nothing_happened()


# ---------------------------------------------------------------- later


def test_a_letter_for_the_next_minute_waits_in_the_queue(api: Gateway, pump: Pump) -> None:
    [id_] = ids_of(api.post("/v1/notifications", {**REQUEST, "send_at": rfc3339(now() + timedelta(minutes=1))}))

    assert api.get(f"/v1/notifications/{id_}").body["status"] == "scheduled"
    assert messages_in("enrich-instant") == 1
    assert pump.bodies("enrich-instant") == []


def test_a_letter_for_the_past_goes_now(api: Gateway, pump: Pump, letters: Letters) -> None:
    reply = api.post("/v1/notifications", {**REQUEST, "send_at": "2026-01-01T00:00:00Z"})
    pump.run()

    assert reply.body["notifications"][0]["status"] == "accepted"
    assert len(letters()) == 1


def test_a_letter_for_the_day_after_tomorrow_is_released_by_the_tick_once(
    api: Gateway, pump: Pump, letters: Letters
) -> None:
    body = {**REQUEST, "send_at": rfc3339(now() + timedelta(days=2))}
    [id_] = ids_of(api.post("/v1/notifications", body, idempotency_key="k"))
    assert messages_in("enrich-instant") == 0
    assert Stage.own().accept.release_due().counts["released"] == 0

    due = moved_accept(timedelta(days=2))
    assert [due.release_due().counts["released"], due.release_due().counts["released"]] == [1, 0]

    assert messages_in("enrich-instant") == 1
    assert api.post("/v1/notifications", body, idempotency_key="k").body["notifications"][0]["id"] == id_


def test_a_tick_that_dies_between_queueing_and_noting_it_sends_one_letter(
    api: Gateway, pump: Pump, letters: Letters
) -> None:
    ids_of(api.post("/v1/notifications", {**REQUEST, "send_at": rfc3339(now() + timedelta(days=2))}))
    due = moved_accept(timedelta(days=3))
    events = dynamodb().client.meta.events
    events.register_first("before-send.dynamodb.UpdateItem", unreachable)
    with pytest.raises(Exception, match="did not answer"):
        due.release_due()
    events.unregister("before-send.dynamodb.UpdateItem", unreachable)

    due.release_due()
    pump.run()

    assert len(letters()) == 1


def moved_accept(by: timedelta) -> Accept:
    return Accept(
        site=Stage.own().site_settings,
        templates=Stage.own().templates,
        renderer=lambda: Stage.own().renderer,
        queues=Stage.own().queues,
        clock=lambda: now() + by,
        retention_days=90,
        owner=Stage.own().address_hashes.owner,
        attachments=lambda: Stage.own().attachment_intake,
    )


def test_a_request_that_this_version_cannot_read_stops_no_other(api: Gateway) -> None:
    later = {**REQUEST, "send_at": rfc3339(now() + timedelta(days=2))}
    for _ in range(5):
        ids_of(api.post("/v1/notifications", later))
    broken = next(row for row in RequestRow.scan() if isinstance(row, RequestRow))
    broken.update(actions=[RequestRow.letter.set({"v": "of the future"})])

    counts = moved_accept(timedelta(days=2)).release_due().counts

    assert counts == {"released": 4, "unreadable": 1}


def test_a_letter_that_expired_on_its_way_is_skipped(api: Gateway, pump: Pump, letters: Letters) -> None:
    [id_] = ids_of(api.post("/v1/notifications", {**REQUEST, "expires_at": "2026-01-01T00:00:00Z"}))
    pump.run()

    told = api.get(f"/v1/notifications/{id_}").body
    assert (told["status"], told["deliveries"][0]["reason"], letters()) == ("skipped", "expired", [])


# ---------------------------------------------------------------- cancelling


def test_what_is_cancelled_before_it_is_sent_is_never_sent(api: Gateway, pump: Pump, letters: Letters) -> None:
    [id_] = ids_of(api.post("/v1/notifications", REQUEST))

    first, second = (api.post(f"/v1/notifications/{id_}/cancel") for _ in range(2))
    pump.run()

    assert [first.body["status"], second.body["status"]] == ["cancelled", "cancelled"]
    assert letters() == []
    assert api.get(f"/v1/notifications/{id_}").body["status"] == "cancelled"


def test_what_was_sent_stays_sent_when_it_is_cancelled(api: Gateway, pump: Pump) -> None:
    [id_] = ids_of(api.post("/v1/notifications", REQUEST))
    pump.run()

    assert api.post(f"/v1/notifications/{id_}/cancel").body["status"] == "sent"


def test_a_cancellation_lives_as_long_as_the_letter_it_stops(api: Gateway) -> None:
    [id_] = ids_of(api.post("/v1/notifications", {**REQUEST, "send_at": rfc3339(now() + timedelta(days=300))}))
    api.post(f"/v1/notifications/{id_}/cancel")

    assert kept_until(id_) > now() + timedelta(days=300)


# ---------------------------------------------------------------- history


@pytest.fixture
def long_history(api: Gateway) -> list[str]:
    """250 notifications of u-1, newest first."""
    first = api.post("/v1/notifications", {**PROMO, "recipients": [{"user_id": "u-1"}]}).body["notifications"][0]["id"]
    like = read_notification(first)
    assert like
    ids = [first, *(new_id() for _ in range(249))]
    for start in range(0, len(ids), 50):
        then = like._replace(created_at=f"2026-11-0{start // 50 + 1}")
        record_notifications(then, [(id_, like.recipient, like.owner) for id_ in ids[start : start + 50]])
    return ids


def count_calls(operations: list[str]) -> Callable[..., None]:
    def note(model: Any, **_: Any) -> None:
        operations.append(model.name)

    return note


def test_a_long_history_is_read_page_by_page_newest_first_with_four_requests_a_page(
    api: Gateway, long_history: list[str]
) -> None:
    operations: list[str] = []
    dynamodb().client.meta.events.register("before-call.dynamodb.*", count_calls(operations))
    found: list[dict[str, Any]] = []
    query: dict[str, str] = {"limit": "100"}
    while True:
        operations.clear()
        page = api.get("/v1/users/u-1/notifications", **query).body
        assert len(operations) <= 4  # the history, its rows, what became of them; the audit
        found += page["notifications"]
        if page["cursor"] is None:
            break
        query["cursor"] = page["cursor"]

    assert sorted(one["id"] for one in found) == sorted(long_history)
    moments = [one["created_at"] for one in found]
    assert moments == sorted(moments, reverse=True)


def test_the_history_shows_the_deliveries(api: Gateway, pump: Pump) -> None:
    api.put("/v1/users/u-1", ANNA)
    ids_of(api.post("/v1/notifications", {**PROMO, "recipients": [{"user_id": "u-1"}]}))
    pump.run()

    [told] = api.get("/v1/users/u-1/notifications").body["notifications"]
    assert (told["status"], [one["status"] for one in told["deliveries"]]) == ("sent", ["sent"])


def test_a_user_of_whom_nothing_is_known_has_an_empty_history(api: Gateway) -> None:
    assert api.get("/v1/users/nobody/notifications").body == {"notifications": [], "cursor": None}


def forged(**key: Any) -> str:
    return write_cursor(key, scope="u-1")


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "юникод",
        "W10",
        forged(),
        forged(at=5, id={}),
        forged(at="", id=""),
        write_cursor({"at": "2026", "id": "x"}, scope="u-2"),
        "W1tb" * 1000,
        "x" * 5000,
    ],
)
def test_a_cursor_that_this_list_did_not_give_is_refused(api: Gateway, cursor: str) -> None:
    reply = api.get("/v1/users/u-1/notifications", cursor=cursor)

    assert (reply.status, reply.bad_fields) == (422, ["cursor"])


def test_a_forged_cursor_opens_nobody_elses_history(api: Gateway) -> None:
    ids_of(api.post("/v1/notifications", {**PROMO, "recipients": [{"user_id": "u-2"}]}))
    cursor = forged(at="9999", id="x", user_id={"S": "u-2"})

    assert api.get("/v1/users/u-1/notifications", cursor=cursor).body["notifications"] == []


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "101"}, {"limit": "many"}, {"page": "2"}])
def test_a_page_that_cannot_be_is_refused(api: Gateway, query: dict[str, str]) -> None:
    reply = api.get("/v1/users/u-1/notifications", **query)

    assert (reply.status, reply.bad_fields) == (422, list(query))


def test_a_notification_of_an_address_belongs_to_nobodys_history(api: Gateway) -> None:
    [id_] = ids_of(api.post("/v1/notifications", REQUEST))

    found = read_notification(id_)
    assert found
    assert str(found.owner).startswith("#")  # a hash of the address, which no user's id can be
    assert not nothing_happened()


def found(api: Gateway, **query: str) -> list[list[str]]:
    """The ids on each page of a search."""
    pages, cursor = list[list[str]](), None
    while cursor or not pages:
        reply = api.get("/v1/notifications", **query, **({"cursor": cursor} if cursor else {}))
        pages.append([one["id"] for one in reply.body["notifications"]])
        cursor = reply.body["cursor"]
    return pages


def test_notifications_are_found_by_a_span_of_time_page_by_page(api: Gateway) -> None:
    before, later = (rfc3339(now() + timedelta(hours=n)) for n in (-1, 1))
    ids = ids_of(api.post("/v1/notifications", {**PROMO, "recipients": [{"user_id": f"u-{n}"} for n in range(25)]}))
    pages = found(api, since=before, template="promo", status="accepted")

    assert sorted(id_ for page in pages for id_ in page) == sorted(ids)
    assert len(pages) > 1
    assert sorted(id_ for page in found(api, since=before, until=later) for id_ in page) == sorted(ids)
    assert not any(found(api, until=before))
    assert not any(found(api, template="welcome"))


def test_a_cursor_of_another_search_is_refused(api: Gateway) -> None:
    cursor = api.get("/v1/notifications", since=rfc3339(now() - timedelta(days=2))).body["cursor"]

    assert cursor
    assert api.get("/v1/notifications", cursor=cursor).bad_fields == ["cursor"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"since": "2026-11-23T10:00:00Z", "until": "2026-11-23T12:59:00+03:00"}, "until"),
        ({"since": "2026-10-01T00:00:00Z", "until": "2026-11-02T00:00:00Z"}, "since"),
        ({"since": "yesterday"}, "since"),
        ({"status": "lost"}, "status"),
        ({"day": "2026-11-23"}, "day"),
    ],
)
def test_a_search_that_cannot_be_is_refused_by_the_field(api: Gateway, query: dict[str, str], field: str) -> None:
    reply = api.get("/v1/notifications", **query)

    assert (reply.status, reply.bad_fields) == (422, [field])
