"""Providers that say "not so fast", and the limits that all workers share."""

import time
from datetime import datetime

import pytest

from chalicelib.storage.rate_limits import BLOCK_SECONDS
from tests.chaos.rig import Rig
from tests.e2e.conftest import LIMIT_SECONDS, eventually

pytestmark = pytest.mark.e2e

PACE, THROTTLED_SECONDS, SLOWER_WITHIN_SECONDS = 20, 30, 5
WORKERS, RATE, LETTERS = 8, 50, 1300


def calls(rig: Rig, outcome: str | None = None) -> list[tuple[float, int]]:
    """When the provider was called, in epoch seconds, and how many letters it took each time."""
    return [
        (datetime.fromisoformat(call["at"]).timestamp(), call["accepted"])
        for call in rig.stats()["call_times"]
        if outcome in {None, call["outcome"]}
    ]


def limit(rig: Rig, name: str) -> float:
    """The rate in force, in letters a second."""
    limits = rig.control("GET", "")["limits"]
    return next(float(one["current_per_second"]) for one in limits if one["name"] == name)


def test_throttling_of_a_third_of_the_calls_loses_nothing_and_slows_the_pace(rig: Rig) -> None:
    rig.control("POST", "limits/ses.instant", {"rate_per_second": PACE})
    rig.fault("throttle", probability=0.3)
    addresses = rig.addresses(200)
    ids = rig.send(addresses)
    first, _ = eventually(lambda: calls(rig, "TooManyRequestsException"))[0]
    eventually(lambda: limit(rig, "ses.instant") <= PACE / 2)
    eventually(lambda: time.time() > first + THROTTLED_SECONDS)
    rig.forgive()
    slow = [at for at, _ in calls(rig) if first + SLOWER_WITHIN_SECONDS < at < first + THROTTLED_SECONDS]
    assert len(slow) <= PACE / 2 * (THROTTLED_SECONDS - SLOWER_WITHIN_SECONDS)
    assert rig.stats()["accepted"] < 200  # it was throttled to the end
    rig.control("POST", "limits/ses.instant", {"rate_per_second": 500})
    assert rig.settle(ids) == {"delivered": 200}
    assert set(rig.copies(addresses).values()) == {1}
    assert rig.queues.dead() == {}


def test_of_a_bulk_call_only_the_entries_that_failed_for_now_are_tried_again(rig: Rig) -> None:
    addresses = rig.addresses(50)
    for address in addresses[:3]:
        rig.fault("throttle", times=1, to=address)
    for address in addresses[3:5]:
        rig.fault("refuse", to=address)
    ids = rig.send(addresses, lane="bulk")
    assert rig.settle(ids, {"delivered", "failed"}) == {"delivered": 48, "failed": 2}
    assert rig.statuses(ids[3:5]) == {"failed": 2}
    assert {address: n for address, n in rig.copies(addresses).items() if n != 1} == dict.fromkeys(addresses[3:5], 0)
    made = [(call["operation"], call["entries"]) for call in rig.stats()["call_times"]]
    assert made == [("SendBulkEmail", 50), ("SendBulkEmail", 3)]
    assert rig.queues.dead() == {}


def test_eight_workers_share_a_limit_and_pay_few_writes_for_it(rig: Rig) -> None:
    rig.control("POST", "limits/ses.bulk", {"rate_per_second": RATE})
    rig.control("POST", "consumers/deliver-email-bulk", {"max_concurrency": WORKERS})
    addresses = rig.addresses(LETTERS)  # an unlimited pace would be through in a few seconds
    # Eight workers on two cores are slow when others work here too, and none of them is to be cut off for it.
    with (
        rig.workers.patience("deliver", LIMIT_SECONDS),
        rig.queues.visibility("deliver-email-bulk", LIMIT_SECONDS),
    ):
        with rig.paused("deliver-email-bulk"):
            ids = rig.send(addresses, lane="bulk")
            eventually(lambda: rig.queues.depth("deliver-email-bulk") * 50 >= LETTERS)
            began = time.time()  # nobody has leased anything yet
        eventually(lambda: rig.stats()["accepted"] >= LETTERS)
    sent = 0
    # A call may reach the provider later than it was let through, on a busy machine much later; never earlier.
    for at, accepted in calls(rig):
        sent += accepted
        assert sent <= RATE * (at - began + BLOCK_SECONDS)
    assert rig.limiter_writes() <= 0.1 * LETTERS
    assert rig.settle(ids) == {"delivered": LETTERS}
    assert set(rig.copies(addresses).values()) == {1}
