"""Campaigns after a restore of which nobody knows whose letters had left."""

from pynamodb.expressions.operand import Path

from chalicelib.stage.app import Stage
from chalicelib.storage.rows.campaigns import CounterRow
from infra.recounting import recount
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


def test_counters_that_are_older_than_the_ledger_are_counted_anew(desk: Desk, viewers: Viewers) -> None:
    """Promise A6: else the run would never be over."""
    viewers(5, lambda n: {"email": None} if n == 4 else {})
    campaign = desk.start()
    desk.finish()
    before, [run] = desk.progress(campaign), desk.runs(campaign)
    assert (before.sent, before.skipped) == (4, {"no_address": 1})
    for row in CounterRow.scan():
        row.delete()
    CounterRow(f"{run.run_id}#03", "03").update(actions=[Path(["sent"]).add(2)])
    assert desk.progress(campaign).sent == 2

    recount({run.run_id})
    recount({run.run_id})

    assert desk.progress(campaign) == before
