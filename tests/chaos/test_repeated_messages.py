"""The same message many times, and workers that wake up too late."""

import json

import pytest

from chalicelib.clock import now, rfc3339
from tests.chaos.rig import Rig
from tests.e2e.conftest import LIMIT_SECONDS, eventually

pytestmark = pytest.mark.e2e


def test_a_message_that_comes_ten_times_at_once_is_sent_once(rig: Rig) -> None:
    addresses = rig.addresses(1)
    rig.control("POST", "consumers/deliver-email", {"batch_size": 1, "max_concurrency": 10})
    with rig.paused("deliver-email"):
        ids = rig.send(addresses)
        body = rig.queues.waiting_bodies("deliver-email", 1)[0]
        rig.queues.put("deliver-email", *[body] * 9)
    rig.settle(ids)
    eventually(lambda: rig.queues.depth("deliver-email") == 0)
    assert set(rig.copies(addresses).values()) == {1}
    assert rig.queues.dead() == {}


def test_a_message_that_comes_again_while_its_letter_is_being_sent_waits_for_the_outcome(rig: Rig) -> None:
    addresses = rig.addresses(1)
    rig.fault("no_events", to=addresses[0])  # none reports the letter before its worker does
    rig.fault("stall", times=1, seconds=6, to=addresses[0])
    rig.control("POST", "consumers/deliver-email", {"batch_size": 1, "max_concurrency": 10})
    with (
        rig.workers.patience("deliver", LIMIT_SECONDS),
        rig.queues.visibility("deliver-email", LIMIT_SECONDS),
        rig.paused("retry"),  # who finds the claim of another asks about it there, later
    ):
        with rig.paused("deliver-email"):
            ids = rig.send(addresses)
            body = rig.queues.waiting_bodies("deliver-email", 1)[0]
        eventually(lambda: rig.vestnik.letters(addresses[0]))
        with rig.workers.frozen("deliver"):
            rig.queues.put("deliver-email", *[body] * 9)
            eventually(lambda: rig.queues.depth("retry") == 9)
        rig.settle(ids, {"sent"})
    eventually(lambda: rig.queues.depth("retry") == 0)
    assert set(rig.copies(addresses).values()) == {1}
    assert rig.timeline(ids[0]).count("calling") == 1
    assert rig.queues.dead() == {}


def test_the_late_word_of_a_worker_whose_claim_was_taken_over_is_refused(rig: Rig) -> None:
    address = rig.addresses(1)
    rig.fault("no_events", to=address[0])
    rig.fault("stall", times=1, seconds=6, to=address[0])
    with (
        rig.workers.patience("deliver", LIMIT_SECONDS),
        rig.queues.visibility("deliver-email", LIMIT_SECONDS),
        rig.workers.short_claims(),
    ):
        with rig.paused("deliver-email"):
            ids = rig.send(address)
            body = rig.queues.waiting_bodies("deliver-email", 1)[0]
        eventually(lambda: rig.vestnik.letters(address[0]))
        with rig.workers.frozen("deliver"):  # the first owner waits for its answer, and falls asleep …
            look = {"kind": "reconcile", "queue": "deliver-email", "body": body, "not_before": rfc3339(now())}
            rig.queues.put("retry", json.dumps({"v": 1, **look}))
            rig.settle(ids, {"sent"})  # … its lease ends, a second one calls and records …
            eventually(lambda: rig.queues.in_flight("deliver-email") == 1)  # … and leaves it alone with its message
        eventually(lambda: rig.queues.in_flight("deliver-email") == 0)
    letters = rig.vestnik.letters(address[0])
    told = rig.deliveries(ids)[ids[0]].provider_id
    assert [told] == [letter["id"] for letter in letters[1:]]  # … and what the first one says is refused
    assert [rig.timeline(ids[0]).count(status) for status in ("calling", "queued", "sent")] == [2, 1, 1]
