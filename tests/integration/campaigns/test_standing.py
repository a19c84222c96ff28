"""What is said of a run is true at every moment: what is gathered, held back, stopped, and what waits for a person."""

from typing import Any

import pytest

from chalicelib.campaigns.description import describe_campaign, describe_in_short
from chalicelib.errors import ConflictError
from chalicelib.profiles.preferences import Preferences
from chalicelib.stage.app import Stage
from chalicelib.storage.audience_counts import known_audience_count, note_audience_count
from tests.integration.api.gateway import Gateway, gateway
from tests.integration.campaigns.conftest import ANNA, Desk, PostOffice, Viewers


def described(desk: Desk, campaign_id: str) -> dict[str, Any]:
    return describe_campaign(desk.head(campaign_id), runs=Stage.own().runs, preview=Stage.own().campaign_preview)


def listed(desk: Desk, campaign_id: str) -> dict[str, Any]:
    [one] = describe_in_short([desk.head(campaign_id)])
    return one


def test_a_first_part_waits_for_a_person_once_it_has_gone_and_not_before(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    viewers(40)
    campaign_id = desk.start(canary_percent=10)
    commands = Stage.own().campaign_commands
    with pytest.raises(ConflictError, match="still being gathered"):
        commands.release_canary(campaign_id, by=ANNA)
    desk.pump.run("fanout")
    assert described(desk, campaign_id)["waits_for"] is None
    with pytest.raises(ConflictError, match=r"0 of 4"):
        commands.release_canary(campaign_id, by=ANNA)
    assert desk.runs(campaign_id)[0].canary_released_at is None

    desk.finish()
    for seen in (described(desk, campaign_id), listed(desk, campaign_id)):
        assert (seen["state"], seen["waits_for"]) == ("running", "canary")
        assert (seen["held"], seen["progress"]["sent"], seen["eta_seconds"]) == (36, 4, 0)

    for _ in range(2):
        commands.release_canary(campaign_id, by=ANNA)
    assert described(desk, campaign_id)["waits_for"] is None
    desk.finish()
    assert len(office.letters) == 40
    for seen in (described(desk, campaign_id), listed(desk, campaign_id)):
        assert (seen["state"], seen["waits_for"], seen["held"]) == ("completed", None, 0)


def test_a_part_that_waits_for_its_hour_does_not_hold_up_the_decision(desk: Desk, viewers: Viewers) -> None:
    """Somebody of the first part sleeps; nobody has to wait for the morning to decide."""
    quiet = Preferences.model_validate({"quiet_hours": {"from": "08:00", "to": "17:00"}})
    for one in viewers(20, lambda _: {"timezone": "UTC"}):
        Stage.own().preferences.put(one, quiet)
    campaign_id = desk.start(canary_percent=50)
    desk.finish()
    seen = described(desk, campaign_id)
    assert (seen["progress"]["sent"], seen["waits_for"]) == (0, "canary")


def test_everybody_is_in_the_first_part_of_a_tiny_audience(desk: Desk, viewers: Viewers) -> None:
    viewers(1)
    campaign_id = desk.start(canary_percent=50)
    desk.finish()
    assert (desk.head(campaign_id).state, described(desk, campaign_id)["waits_for"]) == ("completed", None)


def test_after_a_cancellation_nothing_waits_and_nothing_can_be_released(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    viewers(20)
    campaign_id = desk.start(canary_percent=10)
    desk.finish()
    Stage.own().campaign_commands.cancel(campaign_id, by=ANNA)
    seen = described(desk, campaign_id)
    assert (seen["waits_for"], seen["held"], seen["eta_seconds"]) == (None, 0, 0)
    with pytest.raises(ConflictError, match="cancelled"):
        Stage.own().campaign_commands.release_canary(campaign_id, by=ANNA)
    desk.forget_states()
    desk.finish()
    assert (len(office.letters), described(desk, campaign_id)["progress"]["cancelled"]) == (2, 18)


def test_while_paused_it_waits_for_the_one_who_paused_it(desk: Desk, viewers: Viewers) -> None:
    viewers(20)
    campaign_id = desk.start(canary_percent=10)
    desk.finish()
    Stage.own().campaign_commands.pause(campaign_id, by=ANNA)
    assert described(desk, campaign_id)["waits_for"] is None
    Stage.own().campaign_commands.resume(campaign_id, by=ANNA)
    assert described(desk, campaign_id)["waits_for"] == "canary"


def test_progress_is_measured_by_the_estimate_until_the_audience_is_gathered(desk: Desk, viewers: Viewers) -> None:
    viewers(30)
    slow = {"rate_per_second": 7}
    campaign_id = desk.start(**slow, audience={"list_id": list_of(desk, 1100)})
    assert desk.runs(campaign_id)[0].estimate == 1100
    desk.pump.step("fanout", 1)
    for seen in (described(desk, campaign_id), listed(desk, campaign_id)):
        assert (seen["gathered"], seen["expected"]) == (False, 1100)
        assert 0 < seen["progress"]["targeted"] < 1100
        assert seen["eta_seconds"] == round((1100 - seen["progress"]["sent"]) / 7)


def test_an_estimate_that_was_too_low_gives_way_to_what_was_found(desk: Desk, viewers: Viewers) -> None:
    viewers(30)
    draft = Stage.own().campaign_commands.draft(desk.spec(), by=ANNA)
    note_audience_count(draft, 7)
    Stage.own().campaign_commands.start(draft.id, by=ANNA)
    assert desk.runs(draft.id)[0].estimate == 7
    assert described(desk, draft.id)["expected"] == 7
    desk.finish()
    assert (described(desk, draft.id)["expected"], described(desk, draft.id)["gathered"]) == (30, True)
    assert known_audience_count(desk.head(draft.id)) == 30  # the next run knows better


def test_a_rule_that_was_never_counted_has_no_estimate_and_one_that_was_has(desk: Desk, viewers: Viewers) -> None:
    viewers(30, lambda n: {"locale": "ru" if n % 3 else "en"})
    rule = {"audience": {"rule": {"attribute": "locale", "op": "equals", "value": "ru"}}}
    unknown = desk.start(**rule)
    assert (desk.runs(unknown)[0].estimate, described(desk, unknown)["expected"]) == (None, None)

    head = Stage.own().campaign_commands.draft(desk.spec(**rule), by=ANNA)
    api: Gateway = gateway()
    assert api.call("POST", f"/v1/campaigns/{head.id}/preview").body["recipients"] == 20
    Stage.own().campaign_commands.start(head.id, by=ANNA)
    assert desk.runs(head.id)[0].estimate == 20


def test_a_cancelled_run_says_what_was_never_prepared(desk: Desk, viewers: Viewers, office: PostOffice) -> None:
    slow = {"rate_per_second": 7}
    campaign_id = desk.start(**slow, audience={"list_id": list_of(desk, 1100)})
    desk.pump.step("fanout", 1)
    Stage.own().campaign_commands.cancel(campaign_id, by=ANNA)
    desk.forget_states()
    for _ in range(5):
        desk.finish()
        desk.pass_(minutes=1)
    seen = described(desk, campaign_id)
    progress = seen["progress"]
    assert seen["runs"][0]["outcome"] == "cancelled"
    assert (progress["queued"], seen["eta_seconds"]) == (0, 0)
    assert progress["sent"] + progress["cancelled"] == progress["targeted"] < seen["expected"] == 1100


def list_of(desk: Desk, rows: int) -> str:
    return desk.load_list("\n".join(["email", *(f"l{n}@example.com" for n in range(rows))]).encode())
