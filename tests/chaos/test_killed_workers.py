"""Workers killed by SIGKILL at the worst moments."""

from collections.abc import Sequence

import pytest

from tests.chaos.rig import Rig
from tests.e2e.conftest import eventually

pytestmark = pytest.mark.e2e

KILLS = 25
POINTS = ("before_the_claim", "after_the_claim", "after_the_accept", "before_the_record")


def test_a_hundred_kills_lose_nothing_and_repeat_nothing(rig: Rig) -> None:
    addresses = rig.addresses(KILLS * len(POINTS))
    for address in addresses[KILLS * POINTS.index("after_the_accept") :][:KILLS]:
        rig.fault("stall", times=1, seconds=2, to=address)  # the reply is on its way when the worker dies
    # One message a call: a kill concerns the one that it was ordered for.
    rig.control("POST", "consumers/deliver-email", {"batch_size": 1})
    with rig.paused("deliver-email", "deliver-email-bulk"):
        ids = both_lanes(rig, addresses)
        for n, point in enumerate(POINTS):
            rig.order(point, ids[n * KILLS : (n + 1) * KILLS])
    eventually(lambda: rig.orders_left() == 0)
    assert rig.settle(ids) == {"delivered": len(ids)}
    copies, deliveries = rig.copies(addresses), rig.deliveries(ids)
    # The policy sends once more what nobody knows. Who died before the call had sent nothing; of the others the Send
    # event tells, unless this machine is so slow that it comes after the deadline.
    allowed = [1 if n < 2 * KILLS else 1 + int(deliveries[one].resent) for n, one in enumerate(ids)]
    assert all(1 <= copies[address] <= most for address, most in zip(addresses, allowed, strict=True))
    assert rig.queues.dead() == {}


def both_lanes(rig: Rig, addresses: Sequence[str]) -> list[str]:
    """Asks for letters, the lanes in turn, each in a job of its own; the notifications' ids in order."""
    instant = rig.send(addresses[::2])
    bulk = [notification_id for address in addresses[1::2] for notification_id in rig.send([address], lane="bulk")]
    return [notification_id for pair in zip(instant, bulk, strict=True) for notification_id in pair]
