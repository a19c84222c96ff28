"""A campaign while others' transactions are under way in the items that it writes."""

from collections import Counter

import pytest

from chalicelib.deliveries import DeliveryStatus as S
from chalicelib.stage.app import Stage
from tests.integration.campaigns.conftest import Desk, PostOffice, StandingClock, Viewers
from tests.integration.campaigns.test_exactness import agrees
from tests.integration.faults import again
from tests.ledgers import deliveries_of_run, heard
from tests.twin.conflicts import conflicts


def finish(desk: Desk, clock: StandingClock, campaign_id: str) -> None:
    """Works until nothing is left; what fails comes again after its visibility timeout."""
    for _ in range(100):
        failed = desk.pump.run()
        desk.tick()
        desk.pump.return_failed()
        clock.pass_(minutes=1)
        desk.pump.pass_("retry", seconds=60)
        failed += desk.pump.run("retry")
        if not failed and desk.head(campaign_id).state == "completed":
            return
    raise AssertionError("the campaign does not end")


@pytest.mark.parametrize("seed", range(3))
def test_nobody_is_lost_or_doubled_and_the_counts_are_exact(
    desk: Desk, viewers: Viewers, office: PostOffice, clock: StandingClock, seed: int
) -> None:
    ids = viewers(60)
    campaign_id = desk.start()
    with conflicts(seed=seed) as met:
        finish(desk, clock, campaign_id)
        [run] = desk.runs(campaign_id)
        for one in deliveries_of_run(run.run_id)[::2]:
            again(heard, Stage.own().ledger, one.key, S.DELIVERED)

    assert {"BatchExecuteStatement", "PutItem", "UpdateItem"} <= met.told.keys()
    assert Counter(office.addresses) == Counter({f"{one}@example.com": 1 for one in ids})
    assert desk.ledger(run) == Counter({"sent": 30, "delivered": 30})
    assert (desk.progress(campaign_id).sent, desk.progress(campaign_id).targeted) == (60, 60)
    assert agrees(desk.progress(campaign_id), desk.ledger(run))
