"""The provider has the letter, but its reply is lost."""

from collections.abc import Sequence

import pytest

from tests.chaos.rig import Rig
from tests.e2e.conftest import eventually

pytestmark = pytest.mark.e2e


def test_the_send_event_settles_a_lost_reply_without_a_second_call(rig: Rig) -> None:
    addresses = rig.addresses(100)
    lost = send_with_a_lost_reply(rig, addresses)
    assert set(rig.copies(addresses).values()) == {1}
    assert {rig.timeline(one).count("calling") for one in lost} == {1}


def test_a_mailing_whose_reply_is_lost_is_settled_by_what_follows(rig: Rig) -> None:
    addresses = rig.addresses(3)
    lost = send_with_a_lost_reply(rig, addresses, category="marketing")
    assert set(rig.copies(addresses).values()) == {1}
    assert [rig.timeline(one) for one in lost] == [["calling", "delivered"]] * len(lost)  # SES told no Send


def send_with_a_lost_reply(rig: Rig, addresses: Sequence[str], *, category: str = "account") -> list[str]:
    """Sends to all; the letters whose reply was lost, now delivered. However slow this machine is, the events come
    before the deadline."""
    rig.fault("drop_reply", times=1)
    with rig.paused("retry"):
        with rig.wires["mailbox.sns"].cut():  # the events wait
            ids = rig.send(addresses, category=category)
            eventually(lambda: rig.queues.depth("enrich-instant") == 0 and rig.queues.depth("deliver-email") == 0)
            copies = rig.copies(addresses)
            arrived = [one for one, address in zip(ids, addresses, strict=True) if copies[address]]
            lost = [one for one, status in rig.status_of_each(arrived).items() if status == "calling"]
            assert lost  # one, or the letters of a worker that was killed as too slow besides
        rig.settle(arrived)
    rig.settle(ids)  # also those of whom a slow machine has put an attempt off
    eventually(lambda: rig.queues.depth("retry") == 0)  # the look at the lost one finds it settled
    return lost


def test_without_an_event_a_transactional_letter_is_sent_once_more_and_a_marketing_one_waits_for_a_person(
    rig: Rig,
) -> None:
    transactional, twice_unlucky, marketing = rig.addresses(1), rig.addresses(1), rig.addresses(1)
    for address in (*transactional, *marketing):
        rig.fault("drop_reply", times=1, to=address)
    rig.fault("drop_reply", to=twice_unlucky[0])
    for address in (*transactional, *twice_unlucky, *marketing):
        rig.fault("no_events", to=address)
    with rig.workers.short_claims():
        resent, given_up = rig.send(transactional), rig.send(twice_unlucky)
        waiting = rig.send(marketing, category="marketing")
        assert rig.settle(resent, {"sent"}) == {"sent": 1}
        assert rig.settle([*given_up, *waiting], {"uncertain"}) == {"uncertain": 2}
    assert rig.copies(transactional) == {transactional[0]: 2}
    assert rig.copies(twice_unlucky) == {twice_unlucky[0]: 2}
    assert rig.copies(marketing) == {marketing[0]: 1}
    assert set(rig.uncertain()) & {*resent, *given_up, *waiting} == {*given_up, *waiting}


def test_a_person_decides_about_what_nobody_knows(rig: Rig) -> None:
    addresses = rig.addresses(2)
    for kind in ("drop_reply", "no_events"):
        for address in addresses:
            rig.fault(kind, times=1, to=address)
    with rig.workers.short_claims():
        ids = rig.send(addresses, category="marketing")
        rig.settle(ids, {"uncertain"})
    rig.control("POST", f"attention/{ids[0]}_email", {"action": "retry"})
    rig.control("POST", f"attention/{ids[1]}_email", {"action": "assume_sent"})
    assert rig.settle(ids[:1]) == {"delivered": 1}
    assert rig.settle(ids[1:], {"sent"}) == {"sent": 1}
    assert rig.copies(addresses) == {addresses[0]: 2, addresses[1]: 1}


def test_a_database_that_fails_after_the_accept_costs_no_second_call(rig: Rig) -> None:
    addresses = rig.addresses(1)
    rig.fault("stall", times=1, seconds=4, to=addresses[0])  # less than the client waits, time enough to cut the wire
    with rig.paused("retry"):
        with rig.wires["mailbox.sns"].cut(), rig.queues.visibility("deliver-email", 3):
            ids = rig.send(addresses)
            eventually(lambda: rig.vestnik.letters(addresses[0]))
            with rig.wires["deliver.dynamodb"].cut() as wire:
                # The record fails, the message comes back and finds nothing to ask either.
                eventually(lambda: wire.lost >= 6)
                assert rig.statuses(ids) == {"calling": 1}
            eventually(lambda: rig.queues.depth("deliver-email") == 0)
            assert rig.copies(addresses) == {addresses[0]: 1}
        rig.settle(ids)
    eventually(lambda: rig.queues.depth("retry") == 0)
    assert rig.copies(addresses) == {addresses[0]: 1}
