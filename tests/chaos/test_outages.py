"""Parts of AWS, and of the service, that fail for a while."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest

from chalicelib.clock import now, rfc3339
from chalicelib.storage.notifications import read_notification
from infra.local.children import STAGE
from tests.chaos.rig import TRIES, Rig
from tests.e2e.conftest import eventually

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("service", ["dynamodb", "sqs"])
def test_the_api_promises_nothing_that_it_could_not_store(rig: Rig, service: str) -> None:
    addresses = rig.addresses(3)
    key = {"Idempotency-Key": str(uuid.uuid4())}
    with rig.wires[f"api.{service}"].cut():
        refused = rig.vestnik.call("POST", "/v1/notifications", rig.body(addresses), headers=key)
        assert refused.status_code == 503
    answers = [rig.vestnik.call("POST", "/v1/notifications", rig.body(addresses), headers=key) for _ in range(2)]
    ids = [one["id"] for one in answers[0].json()["notifications"]]
    assert [one["id"] for one in answers[1].json()["notifications"]] == ids
    rig.settle(ids)
    assert set(rig.copies(addresses).values()) == {1}


@pytest.mark.parametrize(
    ("stage", "service"),
    [
        ("enrich", "dynamodb"),
        ("enrich", "sqs"),
        ("deliver", "dynamodb"),
        ("deliver", "sqs"),
        ("retry", "sqs"),
        ("feedback", "dynamodb"),
        ("tick", "dynamodb"),
        ("tick", "sqs"),
    ],
)
def test_a_stage_that_loses_a_service_for_a_while_loses_no_letter(rig: Rig, stage: str, service: str) -> None:
    wire = rig.wires[f"{stage}.{service}"]
    addresses = rig.addresses(2)
    if stage == "retry" or (stage, service) == ("deliver", "sqs"):
        for address in addresses:
            rig.fault("throttle", times=1, to=address)  # so that they go round by the retry queue
    with rig.queues.visibility(queue_of(stage), 3):
        with wire.cut():
            ids = rig.send(addresses, **({"send_at": later()} if stage == "tick" else {}))
            if stage == "tick":
                make_due(rig, ids)
            if stage == "tick":
                rig.tick(wait=False)  # one that finds nothing where it looks takes long to give up
            eventually(lambda: wire.lost >= TRIES[service])
            assert "delivered" not in rig.statuses(ids)
        if stage == "tick":
            rig.tick()
        assert rig.settle(ids) == {"delivered": 2}
    assert set(rig.copies(addresses).values()) == {1}
    assert rig.queues.dead() == {}


def test_a_reconciliation_without_the_ledger_waits_and_decides_once(rig: Rig) -> None:
    addresses = rig.addresses(2)
    for address in addresses:
        rig.fault("drop_reply", times=1, to=address)
        rig.fault("no_events", times=1, to=address)
    with rig.workers.short_claims(), rig.queues.visibility("retry", 3):
        with rig.wires["retry.dynamodb"].cut() as wire:
            ids = rig.send(addresses)
            eventually(lambda: wire.lost > 0 and rig.statuses(ids) == {"calling": 2})
        assert rig.settle(ids) == {"delivered": 2}
    assert set(rig.copies(addresses).values()) == {2}  # the policy of a transactional letter: once more, and no more
    assert rig.queues.dead() == {}


@pytest.mark.parametrize("service", ["dynamodb", "sqs"])
def test_a_campaign_whose_fan_out_loses_a_service_reaches_everybody_once(rig: Rig, service: str) -> None:
    addresses = rig.addresses(3)
    with rig.queues.visibility("fanout", 3):
        with rig.wires[f"fanout.{service}"].cut() as wire:
            campaign = rig.campaign(addresses, rate_per_second=100)
            eventually(rig.ticking(lambda: wire.lost > 0))
            assert rig.copies(addresses).total() == 0
        eventually(rig.ticking(lambda: rig.progress(campaign)["delivered"] == 3))
    assert set(rig.copies(addresses).values()) == {1}
    assert rig.queues.dead() == {}


def test_letters_wait_while_the_provider_resets_every_connection(rig: Rig) -> None:
    addresses = rig.addresses(10)
    with rig.workers.short_claims():
        with rig.wires["deliver.sesv2"].cut() as wire:
            ids = rig.send(addresses)
            eventually(lambda: wire.lost > 0)
        assert rig.settle(ids, ticking=True) == {"delivered": 10}
    assert set(rig.copies(addresses).values()) == {1}  # what nobody knew was not sent before, and once more is once


def test_letters_wait_while_nothing_listens_at_the_providers_address(rig: Rig) -> None:
    addresses = rig.addresses(10)
    with rig.wires["deliver.sesv2"].gone():
        ids = rig.send(addresses)
        eventually(lambda: "queued" in rig.statuses(ids))
        assert rig.stats()["accepted"] == 0
    assert rig.settle(ids, ticking=True) == {"delivered": 10}
    assert set(rig.copies(addresses).values()) == {1}
    assert not any(one.resent for one in rig.deliveries(ids).values())  # it was certain that nothing had been sent


def test_events_wait_while_the_topic_does_not_answer(rig: Rig) -> None:
    addresses = rig.addresses(10)
    with rig.wires["mailbox.sns"].cut() as wire:
        ids = rig.send(addresses)
        eventually(lambda: wire.lost > 0 and rig.statuses(ids) == {"sent": 10})
    assert rig.settle(ids) == {"delivered": 10}
    assert rig.stats()["accepted"] == 10


def test_a_thousand_letters_arrive_once_though_every_component_stops_and_starts_in_turn(rig: Rig) -> None:
    rig.control("POST", "limits/ses.bulk", {"rate_per_second": 10})  # so that some are left at the last stop
    with rig.queues.receives("deliver-email-bulk", 20):
        bulk, instant = rig.addresses(900), rig.addresses(100)
        ids = rig.send(bulk, lane="bulk")
        with ThreadPoolExecutor() as pool:
            sender = pool.submit(rig.insist, instant)  # its call may be the one that the API dies with
            stop_each(rig)
            ids += sender.result()
        restart(rig, "emulator")
        assert rig.stats()["accepted"] < 1000  # everything was stopped while letters flowed
        rig.control("POST", "limits/ses.bulk", {"rate_per_second": 400})
        assert rig.settle(ids, ticking=True) == {"delivered": 1000}
        assert set(rig.copies(bulk).values()) == set(rig.copies(instant).values()) == {1}
        assert rig.queues.dead() == {}


def stop_each(rig: Rig) -> None:
    """Stops and starts every component that letters flow through, one after the other, each once they flow again."""
    workers = ("api", "enrich", "deliver", "feedback", "retry", "tick")
    stops: list[Callable[[], object]] = [partial(rig.workers.kill, worker) for worker in workers]
    stops.append(partial(restart, rig, "mailbox"))
    for stop in stops:
        enough = rig.stats()["accepted"] + 1
        stop()
        eventually(rig.ticking(partial(accepted_at_least, rig, enough)))


def accepted_at_least(rig: Rig, n: int) -> bool:
    """Whether the provider has taken so many letters."""
    return bool(rig.stats()["accepted"] >= n)


def queue_of(stage: str) -> str:
    """The queue whose messages come back sooner."""
    return {"enrich": "enrich-instant", "tick": "enrich-instant", "deliver": "deliver-email"}.get(stage, stage)


def later() -> str:
    """Too far for a delayed message: the request waits for the tick."""
    return rfc3339(now() + timedelta(hours=1))


def make_due(rig: Rig, notification_ids: list[str]) -> None:
    """Moves the time of a request that waits for the tick to the past."""
    with rig.as_the_app():
        found = read_notification(notification_ids[0])
    assert found
    rig.dynamodb.update_item(
        TableName=f"vestnik-{STAGE}-ledger",
        Key={"notification_id": {"S": str(found.request_id)}, "part": {"S": "request"}},
        UpdateExpression="SET due_at = :past, send_at = :past",
        ExpressionAttributeValues={":past": {"S": rfc3339(now() - timedelta(minutes=1))}},
    )


def restart(rig: Rig, name: str) -> None:
    """Stops the emulator or the mailbox, all its workers with it, and starts it on the state that it kept."""
    child = getattr(rig.cloud, name)
    child.stop()
    child.start()
    child.wait_healthy()
    eventually(rig.answers)  # all workers begin at once, and on a busy machine the API is not the first
