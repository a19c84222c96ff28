"""`/v1/control`: what a person at the failover desk sees and does."""

import json
from typing import Any

import boto3
import pytest

from chalicelib.accounts.api_keys import Scope
from chalicelib.deliveries import DeliveryStatus
from chalicelib.manifest import CONSUMERS, SUBSYSTEMS
from chalicelib.settings import settings
from chalicelib.stage.app import Stage
from chalicelib.storage.rows.flow import ConsumerRow, LimitRow, SwitchRow
from tests.integration.api.gateway import Gateway, gateway
from tests.integration.conftest import Pump, messages_in
from tests.integration.control import mappings
from tests.integration.control.requests_made import Requests
from tests.integration.control.test_dead_letters import accepted, settle, status_of, waiting

OPEN, CLOSE = {"state": "open", "reason": "a bad letter"}, {"state": "closed", "reason": "fixed"}
SES = {queue for queue, spec in CONSUMERS.items() if spec.subsystem == "ses"}
CALLS: dict[str, tuple[str, str, Any]] = {
    "the desk": ("GET", "/v1/control", None),
    "a switch": ("GET", "/v1/control/switches/ses", None),
    "throwing a switch": ("POST", "/v1/control/switches/ses", OPEN),
    "changing a consumer": ("POST", "/v1/control/consumers/retry", {"paused": True}),
    "setting a limit": ("POST", "/v1/control/limits/ses.bulk", {"rate_per_second": 5}),
    "looking at dead letters": ("GET", "/v1/control/dead-letters/retry", None),
    "redriving": ("POST", "/v1/control/dead-letters/retry/redrive", {}),
    "dropping": ("POST", "/v1/control/dead-letters/retry/drop", {"reason": "x"}),
    "the attention list": ("GET", "/v1/control/attention", None),
    "deciding": ("POST", "/v1/control/attention/n_email", {"action": "retry"}),
}


@pytest.fixture
def desk(api: Gateway) -> Gateway:
    """The API of a stage whose consumers are deployed."""
    mappings.deploy()
    return api


def test_the_desk_shows_everything_in_one_look(desk: Gateway) -> None:
    told = desk.get("/v1/control").body

    assert [one["name"] for one in told["switches"]] == list(SUBSYSTEMS)
    assert {one["state"] for one in told["switches"]} == {"closed"}
    assert {one["queue"] for one in told["consumers"]} == set(CONSUMERS)
    assert {one["name"]: one["rate_per_second"] for one in told["limits"]}["ses.bulk"] == 80
    assert told["dead_letters"] == dict.fromkeys(CONSUMERS, 0)


def test_a_look_at_the_desk_costs_four_requests_of_the_database_and_one_for_each_queue_and_worker(
    desk: Gateway,
) -> None:
    desk.get("/v1/control")
    database, sqs, functions = Requests(), made(Stage.own().sqs), made(Stage.own().aws_lambda)

    desk.get("/v1/control")
    assert database.count() <= 4
    assert len(sqs) == len(CONSUMERS)
    assert len(functions) == len({spec.worker for spec in CONSUMERS.values()})


def made(client: Any) -> list[str]:
    """The operations that a client is asked for from now on."""
    operations: list[str] = []
    client.meta.events.register("before-call", lambda model, **_: operations.append(model.name))
    return operations


@pytest.mark.parametrize("case", CALLS)
def test_reading_and_throwing_demand_their_own_scopes(stage: None, case: str) -> None:
    method, path, body = CALLS[case]
    needed = Scope.CONTROL_READ if method == "GET" else Scope.CONTROL_WRITE
    others = [one for one in Scope if one is not needed]

    assert gateway(*others).call(method, path, body).status == 403
    assert gateway(needed).call(method, path, body).status not in (401, 403)
    assert Gateway(None).call(method, path, body).status == 401


def test_a_refused_key_throws_nothing(stage: None) -> None:
    gateway(Scope.CONTROL_READ).post("/v1/control/switches/ses", OPEN)

    assert list(SwitchRow.scan()) == []


def test_opening_a_switch_stops_its_consumers_and_is_signed_by_the_key(desk: Gateway) -> None:
    reply = desk.post("/v1/control/switches/ses", OPEN)

    assert reply.status == 200
    assert (reply.body["state"], reply.body["reason"], reply.body["share"]) == ("open", "a bad letter", 0)
    assert reply.body["by"].startswith("key:")
    assert reply.body["next_probe_at"] is None
    assert not mappings.are_on() & SES
    shown = {one["queue"]: one for one in desk.get("/v1/control").body["consumers"]}
    assert (shown["deliver-email"]["enabled"], shown["deliver-email"]["waits_for"]) == (False, "ses")


def test_closing_it_begins_the_ramp_with_few_workers(desk: Gateway) -> None:
    desk.post("/v1/control/switches/ses", OPEN)
    told = desk.post("/v1/control/switches/ses", CLOSE).body

    assert (told["state"], told["reason"]) == ("ramping", "fixed")
    assert told["share"] == pytest.approx(0.1, abs=0.01)
    assert mappings.are_on() >= SES
    assert mappings.mapping("deliver-email")["ScalingConfig"] == {"MaximumConcurrency": 2}


def test_closing_it_without_a_ramp_is_at_once(desk: Gateway) -> None:
    desk.post("/v1/control/switches/ses", OPEN)

    assert desk.post("/v1/control/switches/ses", {**CLOSE, "ramp": False}).body["share"] == 1
    assert desk.get("/v1/control/switches/ses").body["state"] == "closed"


def test_a_switch_that_opened_by_itself_shows_when_its_probe_leaves(desk: Gateway) -> None:
    Stage.own().switches.failed("ses", "daily_quota", at_once=True, probe_seconds=600)

    told = desk.get("/v1/control/switches/ses").body
    assert (told["by"], told["reason"]) == ("auto", "daily_quota")
    assert told["next_probe_at"] > told["changed_at"]


def test_a_switch_is_thrown_though_lambda_does_not_answer(desk: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stage.own().aws_lambda.meta, "_endpoint_url", "http://127.0.0.1:1")
    Stage.own().aws_lambda.meta.events.register("before-call", fail)

    assert desk.post("/v1/control/switches/ses", OPEN).body["state"] == "open"


def fail(**_: Any) -> None:
    from botocore.exceptions import EndpointConnectionError

    raise EndpointConnectionError(endpoint_url="https://lambda")


def test_a_consumer_is_paused_and_resumed_and_its_pace_changed(desk: Gateway) -> None:
    paused = desk.post("/v1/control/consumers/enrich-bulk", {"paused": True, "max_concurrency": 20}).body
    assert (paused["paused"], paused["enabled"], paused["max_concurrency"]) == (True, False, 20)

    resumed = desk.post("/v1/control/consumers/enrich-bulk", {"paused": False, "batch_size": 2}).body
    assert (resumed["enabled"], resumed["max_concurrency"], resumed["batch_size"]) == (True, 20, 2)


def test_a_limit_is_set_for_all_workers(desk: Gateway) -> None:
    reply = desk.post("/v1/control/limits/ses.bulk", {"rate_per_second": 12.5})

    assert reply.body == {"name": "ses.bulk", "rate_per_second": 12.5, "current_per_second": 12.5}
    assert LimitRow.get("ses.bulk").rate_per_second == 12.5


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("switches/ses", {"state": "ramping", "reason": "x"}, "state"),
        ("switches/ses", {"state": "open"}, "reason"),
        ("switches/ses", {"state": "open", "reason": ""}, "reason"),
        ("switches/ses", {"state": "open", "reason": "x" * 201}, "reason"),
        ("switches/ses", {**OPEN, "by": "me"}, "by"),
        ("consumers/retry", {"max_concurrency": 1}, "max_concurrency"),
        ("consumers/retry", {"batch_size": 11}, "batch_size"),
        ("consumers/retry", {"paused": "perhaps"}, "paused"),
        ("limits/ses.bulk", {"rate_per_second": 0}, "rate_per_second"),
        ("limits/ses.bulk", {}, "rate_per_second"),
        ("dead-letters/retry/redrive", {"limit": 501}, "limit"),
        ("dead-letters/retry/drop", {}, "reason"),
        ("attention/n-1_email", {"action": "forget"}, "action"),
        ("attention/nothing", {"action": "retry"}, "delivery_id"),
    ],
)
def test_a_mistake_is_named_by_its_field_and_changes_nothing(
    desk: Gateway, path: str, body: dict[str, Any], field: str
) -> None:
    reply = desk.post(f"/v1/control/{path}", body)

    assert (reply.status, reply.bad_fields) == (422, [field])
    assert [*SwitchRow.scan(), *ConsumerRow.scan(), *LimitRow.scan()] == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("switches/smtp", OPEN),
        ("consumers/mail", {"paused": True}),
        ("limits/ses.fast", {"rate_per_second": 5}),
        ("dead-letters/mail/redrive", {}),
        ("dead-letters/mail/drop", {"reason": "x"}),
        ("attention/no-such_email", {"action": "retry"}),
        ("attention/no-such_email", {"action": "assume_sent"}),
    ],
)
def test_what_does_not_exist_is_answered_404(desk: Gateway, path: str, body: dict[str, Any]) -> None:
    assert desk.post(f"/v1/control/{path}", body).status == 404


@pytest.mark.parametrize("path", ["switches/smtp", "dead-letters/mail"])
def test_what_does_not_exist_cannot_be_looked_at(desk: Gateway, path: str) -> None:
    assert desk.get(f"/v1/control/{path}").status == 404


# ------------------------------------------------------------------ dead letters


def test_dead_letters_are_listed_with_their_count_and_nothing_personal(api: Gateway, pump: Pump) -> None:
    pump.put("retry-dlq", "not JSON, of anna@example.com")

    reply = api.get("/v1/control/dead-letters/retry")
    assert reply.body["count"] == 1
    assert [one["readable"] for one in reply.body["messages"]] == [False]
    assert "anna" not in reply.text


def test_a_poison_letter_of_a_strange_shape_does_not_hide_the_others(api: Gateway, pump: Pump) -> None:
    pump.put(
        "retry-dlq", json.dumps({"letter": {"template": 5}, "recipients": [{"notification_id": None}], "attempt": "x"})
    )
    pump.put("retry-dlq", "{}")

    assert len(api.get("/v1/control/dead-letters/retry").body["messages"]) == 2


def test_dead_letters_are_put_back_by_number_and_by_id(api: Gateway, pump: Pump) -> None:
    for n in range(3):
        pump.put("feedback-dlq", str(n))
    [first, *_] = api.get("/v1/control/dead-letters/feedback").body["messages"]
    visible_again("feedback-dlq")

    assert api.post("/v1/control/dead-letters/feedback/redrive", {"ids": [first["id"]]}).body == {"moved": 1, "left": 2}
    assert api.post("/v1/control/dead-letters/feedback/redrive", {"limit": 1}).body == {"moved": 1, "left": 1}
    assert messages_in("feedback") == 2


def visible_again(queue: str) -> None:
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.sqs.models import sqs_backends

    for message in sqs_backends[DEFAULT_ACCOUNT_ID]["eu-central-1"].queues[settings().resource(queue)]._messages:
        message.visible_at = 0


def test_dead_letters_are_thrown_away_with_a_reason(api: Gateway, pump: Pump) -> None:
    pump.put("feedback-dlq", "1")

    assert api.post("/v1/control/dead-letters/feedback/drop", {"reason": "a test"}).body == {"moved": 1, "left": 0}
    assert messages_in("feedback") == 0


def test_a_queue_that_does_not_answer_is_a_503(api: Gateway) -> None:
    sqs = boto3.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=settings().resource("retry-dlq"))["QueueUrl"])

    assert api.get("/v1/control/dead-letters/retry").status == 503


# ------------------------------------------------------------------ attention


def test_the_attention_list_is_paged_to_its_end(api: Gateway, pump: Pump) -> None:
    keys = waiting(pump, 5)
    seen: list[str] = []
    query = {"limit": "2"}
    while True:
        page = api.get("/v1/control/attention", **query).body
        seen += [one["delivery_id"] for one in page["deliveries"]]
        if page["cursor"] is None:
            break
        query = {"limit": "2", "cursor": page["cursor"]}

    assert sorted(seen) == sorted(key.id for key in keys)


def test_an_uncertain_delivery_is_assumed_sent_once(api: Gateway, pump: Pump) -> None:
    [key] = waiting(pump, 1)
    path = f"/v1/control/attention/{key.id}"

    assert [api.post(path, {"action": "assume_sent"}).status for _ in range(2)] == [204, 204]
    assert api.post(path, {"action": "retry"}).status == 409
    assert status_of(key.notification_id) == "sent"


def test_an_uncertain_delivery_is_retried_once(api: Gateway, pump: Pump) -> None:
    [key] = waiting(pump, 1)
    path = f"/v1/control/attention/{key.id}"

    assert [api.post(path, {"action": "retry"}).status for _ in range(2)] == [204, 204]
    assert api.post(path, {"action": "assume_sent"}).status == 409
    assert messages_in("enrich-bulk") == 1


def test_a_failed_delivery_may_be_retried_and_not_assumed_sent(api: Gateway, pump: Pump) -> None:
    [notification_id] = accepted(1)
    settle([notification_id], DeliveryStatus.FAILED)
    path = f"/v1/control/attention/{notification_id}_email"

    assert api.post(path, {"action": "assume_sent"}).status == 409
    assert api.post(path, {"action": "retry"}).status == 204


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "many"}, {"cursor": "forged"}])
def test_a_bad_page_is_refused(api: Gateway, query: dict[str, str]) -> None:
    reply = api.get("/v1/control/attention", **query)

    assert (reply.status, reply.bad_fields) == (422, list(query))
