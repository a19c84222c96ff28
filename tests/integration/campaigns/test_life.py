"""A campaign from its draft to its end."""

import json
from collections import Counter

import pytest

from chalicelib.campaigns.description import describe_in_short
from chalicelib.campaigns.model import CampaignPatch
from chalicelib.stage.app import Stage
from chalicelib.storage.campaigns import MAX_EVENTS
from chalicelib.storage.rows.campaigns import CampaignRow
from tests.integration.campaigns.conftest import ANNA, Desk, PostOffice, Viewers, head_row


def test_everyone_gets_the_letter_once_and_the_progress_is_exact(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    ids = viewers(60)

    campaign_id = desk.start()
    desk.finish()

    assert Counter(office.addresses) == Counter({f"{one}@example.com": 1 for one in ids})
    assert desk.head(campaign_id).state == "completed"
    progress = desk.progress(campaign_id)
    assert (progress.targeted, progress.sent, progress.queued) == (60, 60, 0)
    assert desk.ledger(desk.runs(campaign_id)[0]) == {"sent": 60}


def test_a_draft_sends_nothing_and_a_start_is_made_once(desk: Desk, viewers: Viewers, office: PostOffice) -> None:
    viewers(3)
    campaign_id = Stage.own().campaign_commands.draft(desk.spec(), by=ANNA).id
    desk.finish()
    assert office.letters == []

    Stage.own().campaign_commands.start(campaign_id, by=ANNA)
    Stage.own().campaign_commands.start(campaign_id, by=ANNA)
    desk.finish()
    Stage.own().campaign_commands.start(campaign_id, by=ANNA)
    desk.finish()

    assert len(office.letters) == 3


def begun(desk: Desk, office: PostOffice) -> str:
    """The id of a campaign to forty viewers, of which a first part is sent."""
    campaign_id = desk.start()
    desk.pump.run("fanout")
    desk.pump.run("enrich-bulk")
    desk.pump.step("deliver-email-bulk", 1)
    assert 0 < len(office.letters) < 40
    return campaign_id


def test_a_paused_campaign_sends_exactly_the_rest_after_the_resume(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    ids = viewers(40)
    campaign_id = begun(desk, office)
    sent_before = len(office.letters)

    Stage.own().campaign_commands.pause(campaign_id, by=ANNA)
    desk.forget_states()
    desk.finish()
    assert len(office.letters) == sent_before
    assert desk.progress(campaign_id).queued == 40 - sent_before

    Stage.own().campaign_commands.resume(campaign_id, by=ANNA)
    desk.forget_states()
    desk.finish()
    assert Counter(office.addresses) == Counter({f"{one}@example.com": 1 for one in ids})
    assert desk.head(campaign_id).state == "completed"


@pytest.mark.parametrize("stop", ["pause", "cancel"])
def test_a_pause_acts_on_a_busy_worker_with_its_next_chunk(
    desk: Desk, viewers: Viewers, office: PostOffice, stop: str
) -> None:
    viewers(40)
    campaign_id = begun(desk, office)
    sent_before = len(office.letters)

    getattr(Stage.own().campaign_commands, stop)(campaign_id, by=ANNA)
    desk.pump.run("deliver-email-bulk")  # by the same process, which has just read that the campaign is running

    assert len(office.letters) == sent_before


def test_a_cancelled_campaign_sends_no_more_and_counts_the_rest_as_cancelled(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    viewers(20)
    campaign_id = desk.start()
    desk.pump.run("fanout")

    Stage.own().campaign_commands.cancel(campaign_id, by=ANNA)
    desk.finish()

    assert office.letters == []
    progress = desk.progress(campaign_id)
    assert (progress.targeted, progress.cancelled, progress.queued) == (20, 20, 0)
    assert desk.runs(campaign_id)[0].outcome == "cancelled"


def test_a_canary_goes_first_and_the_rest_waits_for_its_release(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    viewers(40)
    campaign_id = desk.start(canary_percent=10)
    desk.finish()
    assert len(office.letters) == 4
    assert desk.head(campaign_id).state == "running"

    Stage.own().campaign_commands.release_canary(campaign_id, by=ANNA)
    desk.finish()

    assert len(set(office.addresses)) == len(office.letters) == 40
    assert desk.head(campaign_id).state == "completed"


def test_the_rest_of_the_run_that_was_looked_at_is_released_and_no_other(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    """Promise B2: a run that began meanwhile keeps its canary."""
    viewers(10)
    campaign_id = desk.two_canaries()
    younger, looked_at = desk.runs(campaign_id)
    assert len(office.letters) == 2

    for _ in range(2):  # pressed twice
        Stage.own().campaign_commands.release_canary(campaign_id, by=ANNA, run_id=looked_at.run_id)
    desk.finish()

    assert len(office.letters) == 2 + 9
    younger, looked_at = desk.runs(campaign_id)
    assert [bool(run.canary_released_at) for run in (younger, looked_at)] == [False, True]
    assert looked_at.outcome == "completed"


def test_a_jam_that_dissolves_does_not_break_the_campaigns_own_rate(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    viewers(24)
    campaign_id = desk.start()
    desk.pump.run("fanout")
    desk.pump.run("enrich-bulk")  # all chunks wait for `deliver` now, none of them delayed
    slower = CampaignPatch.model_validate({"rate_per_second": 1})
    Stage.own().campaign_commands.edit(campaign_id, slower, by=ANNA)
    desk.forget_states()

    desk.pump.run("deliver-email-bulk")

    assert 0 < len(office.letters) < 24
    assert desk.progress(campaign_id).queued == 24 - len(office.letters)


def test_a_campaign_that_is_held_and_goes_on_for_ever_stays_small(desk: Desk, viewers: Viewers) -> None:
    """Promise F2: a campaign's timeline is bounded too; the newest entries are kept."""
    viewers(1)
    campaign_id = desk.start()
    control = Stage.own().campaign_commands
    for _ in range(60):
        control.pause(campaign_id, by=ANNA)
        control.resume(campaign_id, by=ANNA)
    control.pause(campaign_id, by=ANNA)

    timeline = [json.loads(one)["event"] for one in desk.head(campaign_id).timeline]
    assert len(timeline) == MAX_EVENTS
    assert timeline[-1] == "paused"
    assert timeline[::2] == ["resumed"] * (MAX_EVENTS // 2) or timeline[1::2] == ["paused"] * (MAX_EVENTS // 2)


def test_a_campaign_that_only_newer_code_understands_stops_no_other(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    """Promise A1: after a roll-back it waits for its code, is shown, and the others run."""
    viewers(2)
    newer, other = (desk.start(start_at="2026-03-02T10:30:00Z") for _ in range(2))
    head = desk.head(newer)
    known = head.spec
    head_row(newer).update(actions=[CampaignRow.spec.set({**known, "newer": {"than": "this code"}})])
    desk.clock.pass_(hours=1)
    desk.tick()
    desk.finish()

    assert len(office.letters) == 2
    assert [one["state"] for one in describe_in_short([desk.head(newer), desk.head(other)])] == [
        "scheduled",
        "completed",
    ]
    head_row(newer).update(actions=[CampaignRow.spec.set(known)])  # code that understands it is back
    desk.tick()
    desk.finish()
    assert len(office.letters) == 4
