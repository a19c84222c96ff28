"""Campaigns after a restore of which nobody knows whose letters had left."""

from chalicelib.stage.app import Stage
from infra.restore import hold_campaigns
from tests.integration.campaigns.conftest import ANNA, Desk, Viewers


def test_without_a_log_each_campaign_that_was_under_way_waits_for_a_person(desk: Desk, viewers: Viewers) -> None:
    """Promise A6."""
    viewers(3)
    over = desk.start()
    desk.finish()
    under_way, held = desk.start(), desk.start()
    Stage.own().campaign_commands.pause(held, by=ANNA)

    hold_campaigns()
    hold_campaigns()

    assert [desk.head(one).state for one in (under_way, over, held)] == ["paused", "completed", "paused"]
