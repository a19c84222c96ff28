"""The counters of a run as they are stored: what an earlier release wrote, and what is made good after a restore."""

from pynamodb.expressions.operand import Path

from chalicelib.storage.rows.campaigns import CounterRow
from chalicelib.storage.run_counters import counters_of, counters_of_before
from infra.recounting import recount
from tests.integration.campaigns.conftest import Desk, Viewers


def test_a_run_that_was_counted_in_one_partition_goes_on_in_many(desk: Desk, viewers: Viewers) -> None:
    """Promise F5: a release before the counters were spread began it."""
    viewers(4)
    campaign_id = desk.start()
    desk.finish()
    [run] = desk.runs(campaign_id)
    assert {row.run_id for row in CounterRow.scan() if not row.run_id.startswith("hours")} <= {
        k for k, _ in counters_of(run.run_id)
    }
    for place, shard in counters_of_before(run.run_id)[:2]:
        CounterRow(place, shard).update([Path(["sent"]).add(5), Path(["opened"]).add(1)])

    progress = desk.progress(campaign_id)
    assert (progress.sent, progress.opened) == (4 + 10, 2)


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
