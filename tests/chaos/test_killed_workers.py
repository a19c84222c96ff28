"""Workers killed by SIGKILL at the worst moments."""

from collections.abc import Mapping, Sequence

import pytest

from chalicelib.campaigns.experiment import Experiment
from chalicelib.campaigns.held_chunks import notification_of
from chalicelib.deliveries import run_id
from chalicelib.schemas import kept
from chalicelib.storage.chunk_letters import homes_of
from tests.chaos.rig import Rig
from tests.e2e.conftest import eventually

pytestmark = pytest.mark.e2e

KILLS = 25
WRITES = ("roster", "enlisting", "claim", "record", "mark")  # of the ledger, about the letters of a run
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


def test_a_campaign_whose_workers_die_at_every_write_reaches_everybody_once(rig: Rig) -> None:
    addresses = rig.addresses(200)
    points = [f"{when}_the_{write}" for when in ("before", "after") for write in WRITES]
    with rig.paused("enrich-bulk"), rig.workers.short_claims():
        campaign = rig.campaign(addresses, rate_per_second=400)
        eventually(rig.ticking(lambda: rig.queues.depth("enrich-bulk") > 0))
        [run] = rig.vestnik.call("GET", f"/v1/campaigns/{campaign}").json()["runs"]
        # All that is written about a run names one of its homes, which differ by a number.
        home = homes_of(run_id(campaign, run["scheduled_at"]))[0].partition("_")[0][:-1]
        for point in (*points, "after_the_accept"):
            rig.order(point, [home])
    eventually(rig.ticking(lambda: rig.orders_left() == 0))
    eventually(rig.ticking(lambda: settled(rig.progress(campaign)) == len(addresses)))
    progress, copies = rig.progress(campaign), rig.copies(addresses)
    # A mailing is not sent again where nobody knows whether it was: at most the chunks of four dead workers.
    assert progress["delivered"] + progress["uncertain"] == len(addresses)
    assert set(copies.values()) <= {0, 1}
    assert progress["delivered"] <= copies.total() <= len(addresses)
    assert rig.queues.dead() == {}


def test_a_test_whose_workers_die_at_every_write_gives_each_their_own_variant_once(rig: Rig) -> None:
    """Exactly once holds over variants: of who is in the test, and of the rest, which gets the winner."""
    addresses, subject = rig.addresses(160), "Popcorn or nachos?"
    variants: list[dict[str, str]] = [{}, {"subject": subject}]
    tested = Experiment.model_validate({"share_percent": 50, "winner_by": "hand", "variants": variants})
    with rig.paused("enrich-bulk"), rig.workers.short_claims():
        campaign = rig.campaign(addresses, rate_per_second=400, experiment=kept(tested))
        eventually(rig.ticking(lambda: rig.queues.depth("enrich-bulk") > 0))
        [run] = rig.vestnik.call("GET", f"/v1/campaigns/{campaign}").json()["runs"]
        home = homes_of(run_id(campaign, run["scheduled_at"]))[0].partition("_")[0][:-1]
        for write in WRITES:
            rig.order(f"before_the_{write}", [home])
    eventually(rig.ticking(lambda: rig.orders_left() == 0))
    for write in WRITES:  # and once more, as the rest goes out
        rig.order(f"after_the_{write}", [home])
    answer = rig.vestnik.call("POST", f"/v1/campaigns/{campaign}/experiment/winner", {"variant": "B"})
    assert answer.ok, answer.text
    eventually(rig.ticking(lambda: settled(rig.progress(campaign)) == len(addresses)))

    lots = {
        address: tested.assigned(notification_of(run["id"], user_id=address.partition("@")[0])) for address in addresses
    }
    word = addresses[0].partition("-")[0]
    letters = [(one["to"][0], one["subject"]) for one in rig.vestnik.letters(f"{word}-")]
    assert len(letters) == len({to for to, _ in letters}) >= rig.progress(campaign)["delivered"]
    assert {to for to, said in letters if said != subject} <= {to for to, lot in lots.items() if lot == "A"}
    assert {to for to, said in letters if said == subject} <= {to for to, lot in lots.items() if lot != "A"}
    assert rig.queues.dead() == {}


def settled(progress: Mapping[str, int]) -> int:
    return progress["delivered"] + progress["uncertain"]


def both_lanes(rig: Rig, addresses: Sequence[str]) -> list[str]:
    """Asks for letters, the lanes in turn, each in a job of its own; the notifications' ids in order."""
    instant = rig.send(addresses[::2])
    bulk = [notification_id for address in addresses[1::2] for notification_id in rig.send([address], lane="bulk")]
    return [notification_id for pair in zip(instant, bulk, strict=True) for notification_id in pair]
