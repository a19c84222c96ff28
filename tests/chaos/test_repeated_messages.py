"""The same message many times, and workers that wake up too late."""

import json

import pytest

from chalicelib.clock import now, rfc3339
from tests.chaos.rig import Rig
from tests.e2e.conftest import eventually

pytestmark = pytest.mark.e2e


def test_a_message_that_comes_ten_times_at_once_is_sent_once(rig: Rig) -> None:
    addresses = rig.addresses(3)
    rig.fault("stall", times=3, seconds=1, to=addresses[0].partition("-")[0])  # the others come while one is calling
    rig.control("POST", "consumers/deliver-email", {"batch_size": 1, "max_concurrency": 5})
    with rig.paused("deliver-email"):
        ids = rig.send(addresses)
        bodies = rig.waiting_bodies("deliver-email", len(addresses))
        rig.put("deliver-email", *(body for body in bodies for _ in range(9)))
    rig.settle(ids)
    eventually(lambda: rig.depth(rig.queue_url("deliver-email")) == 0)
    assert set(rig.copies(addresses).values()) == {1}
    assert rig.dead() == {}


def test_the_late_word_of_a_worker_whose_claim_was_taken_over_is_refused(rig: Rig) -> None:
    address = rig.addresses(1)
    rig.fault("no_events", to=address[0])
    rig.fault("stall", times=2, seconds=6, to=address[0])
    with rig.patience("deliver", 20), rig.short_claims():
        with rig.paused("deliver-email"):
            ids = rig.send(address)
            body = rig.waiting_bodies("deliver-email", 1)[0]
        eventually(lambda: rig.statuses(ids) == {"calling": 1})  # the first owner waits for its answer …
        look = {"kind": "reconcile", "queue": "deliver-email", "body": body, "not_before": rfc3339(now())}
        rig.put("retry", json.dumps({"v": 1, **look}))
        eventually(lambda: len(rig.vestnik.letters(address[0])) == 2)  # … its lease ends, a second one calls …
        rig.settle(ids, {"sent"})
    letters = rig.vestnik.letters(address[0])
    row = rig.rows(ids)[ids[0]]
    assert row["provider_id"] == letters[1]["id"]  # … and the first one's answer, which came first, was not written
    assert [rig.timeline(ids[0]).count(status) for status in ("calling", "queued", "sent")] == [2, 1, 1]
