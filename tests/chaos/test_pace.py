"""Providers that say "not so fast", and the limits that all workers share."""

import json
import subprocess
import sys
import time
from bisect import bisect_left
from contextlib import ExitStack
from datetime import datetime

import pytest

from chalicelib.control.limits import BLOCK_SECONDS
from infra.paths import ROOT
from tests.chaos.rig import LIMIT_SECONDS, Rig
from tests.e2e.conftest import eventually

pytestmark = pytest.mark.e2e

PACE, THROTTLED_SECONDS = 20, 8
WORKERS, RATE, SECONDS, UNITS = 8, 50, 20, 1


def moments(rig: Rig, outcome: str | None = None) -> list[float]:
    """When the provider was called, in epoch seconds."""
    calls = rig.stats()["call_times"]
    return [datetime.fromisoformat(call["at"]).timestamp() for call in calls if outcome in {None, call["outcome"]}]


def refusals(rig: Rig) -> list[float]:
    """When it said that this was too much."""
    return moments(rig, "TooManyRequestsException")


def limit(rig: Rig, name: str) -> float:
    """The rate in force, in letters a second."""
    limits = rig.control("GET", "")["limits"]
    return next(float(one["current_per_second"]) for one in limits if one["name"] == name)


def test_throttling_of_a_third_of_the_calls_loses_nothing_and_slows_the_pace(rig: Rig) -> None:
    rig.control("POST", "limits/ses.instant", {"rate_per_second": PACE})
    rig.fault("throttle", probability=0.3)
    addresses = rig.addresses(80)
    ids = rig.send(addresses)
    first = eventually(lambda: refusals(rig))[0]
    eventually(lambda: limit(rig, "ses.instant") <= PACE / 2, limit_seconds=5)
    eventually(lambda: time.time() > first + THROTTLED_SECONDS)
    rig.forgive()
    slow = [at for at in moments(rig) if first + 2 < at < first + THROTTLED_SECONDS]
    assert len(slow) <= PACE * 0.6 * (THROTTLED_SECONDS - 2)
    rig.control("POST", "limits/ses.instant", {"rate_per_second": 500})
    assert rig.settle(ids) == {"delivered": 80}
    assert set(rig.copies(addresses).values()) == {1}
    assert rig.dead() == {}


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
    calls = [(call["operation"], call["entries"]) for call in rig.stats()["call_times"]]
    assert calls == [("SendBulkEmail", 50), ("SendBulkEmail", 3)]
    assert rig.dead() == {}


def test_eight_workers_share_a_limit_and_pay_few_writes_for_it(rig: Rig) -> None:
    rig.control("POST", "limits/ses.instant", {"rate_per_second": RATE})
    command = [sys.executable, "-m", "tests.chaos.limited", "ses.instant", str(SECONDS), str(UNITS)]
    environment = rig.cloud.environment()
    with ExitStack() as running:
        workers = [
            running.enter_context(
                subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
            )
            for _ in range(WORKERS)
        ]
        answers = [json.loads(worker.communicate(timeout=LIMIT_SECONDS)[0]) for worker in workers]
    used = sorted(at for answer in answers for at in answer["used"])
    block = RATE * BLOCK_SECONDS
    for n, at in enumerate(used):  # in every stretch of that length, wherever it begins
        assert bisect_left(used, at + SECONDS) - n <= RATE * SECONDS + block
    assert len(used) >= RATE * SECONDS * 0.5
    assert sum(answer["writes"] for answer in answers) <= 0.1 * len(used)
