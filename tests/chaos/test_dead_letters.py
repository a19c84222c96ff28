"""Messages that no worker can process, and how they come back."""

import json
from contextlib import ExitStack

import pytest

from tests.chaos.rig import LETTERS, Rig
from tests.e2e.conftest import eventually

pytestmark = pytest.mark.e2e

QUEUES = ("enrich-instant", "enrich-bulk", "deliver-email", "deliver-email-bulk", "retry", "feedback")


def test_one_poison_message_among_ten_costs_the_other_nine_nothing(rig: Rig) -> None:
    addresses = rig.addresses(9)
    with rig.queues.visibility("deliver-email", 3):
        with rig.paused("deliver-email"):
            ids = rig.send(addresses)
            body = json.loads(rig.queues.waiting_bodies("deliver-email", 9)[0])
            # Well-formed, and for a channel that no longer exists: only the work itself finds out.
            body["channel"] = "was-withdrawn"
            rig.queues.put("deliver-email", json.dumps(body))
        assert rig.settle(ids) == {"delivered": 9}
    with rig.queues.visibility("deliver-email", 1):  # only the bad one comes back now
        eventually(lambda: rig.queues.dead() == {"deliver-email": 1})
    assert set(rig.copies(addresses).values()) == {1}
    letters = rig.control("GET", "dead-letters/deliver-email")["messages"]
    assert [(one["template"], one["receives"] >= 5) for one in letters] == [(LETTERS["account"][0], True)]


def test_what_nobody_can_read_ends_in_the_dead_letters_and_the_rest_is_sent(rig: Rig) -> None:
    addresses = rig.addresses(5)
    with ExitStack() as soon:
        for queue in QUEUES:
            soon.enter_context(rig.queues.visibility(queue, 3))
            rig.queues.put(queue, "not JSON", json.dumps({"v": "new", "recipients": []}))
        ids = rig.send(addresses)
        assert rig.settle(ids) == {"delivered": 5}
    with ExitStack() as sooner:  # only the bad ones come back now
        for queue in QUEUES:
            sooner.enter_context(rig.queues.visibility(queue, 1))
        eventually(lambda: rig.queues.dead() == dict.fromkeys(QUEUES, 2))
    assert set(rig.copies(addresses).values()) == {1}


def test_a_redrive_of_a_hundred_sends_exactly_the_fifty_that_were_not_sent(rig: Rig) -> None:
    sent, unsent = rig.addresses(50), rig.addresses(50)
    with rig.paused("deliver-email"):
        ids = rig.send(sent)
        copies = rig.queues.waiting_bodies("deliver-email", 50)
    rig.settle(ids)
    with rig.paused("deliver-email"):
        ids += rig.send(unsent)
        rig.queues.waiting_bodies("deliver-email", 50)
        rig.queues.put("deliver-email", *copies)
        rig.queues.exhaust("deliver-email")
        assert rig.queues.dead() == {"deliver-email": 100}
    assert rig.stats()["accepted"] == 50
    assert sum(rig.redriven("deliver-email", at_once=100)) == 100
    rig.settle(ids)
    eventually(lambda: rig.queues.depth("deliver-email") == 0)
    assert rig.stats()["accepted"] == 100
    assert set(rig.copies(sent).values()) == set(rig.copies(unsent).values()) == {1}
