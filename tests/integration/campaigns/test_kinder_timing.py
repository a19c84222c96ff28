"""Campaigns at the right hour, in the right language, by the right channel, and not too late."""

from datetime import timedelta

import pytest

from chalicelib.errors import InvalidError
from chalicelib.stage.app import Stage
from chalicelib.storage.rows.campaign_parts import ParkedRow
from tests.integration.campaigns.conftest import ANNA, Desk, PostOffice, StandingClock, Viewers


def parked(desk: Desk, campaign_id: str) -> set[str]:
    """The moments for which chunks of the newest run wait."""
    run = desk.runs(campaign_id)[0]
    rows = [row for n in range(4) for row in ParkedRow.query(f"{run.run_id}#{n}")]
    return {row.slot.split("#")[1] for row in rows}


def test_each_recipient_gets_it_at_their_best_hour_and_who_has_none_at_once(
    desk: Desk, viewers: Viewers, office: PostOffice, clock: StandingClock
) -> None:
    hours = [None, (clock().hour + 3) % 24, (clock().hour + 5) % 24]
    viewers(3, lambda n: {"timezone": "UTC", "attributes": {"best_hour": hours[n]} if hours[n] is not None else {}})
    campaign_id = desk.start(best_hour=True)
    assert desk.pump.run() == []
    assert office.addresses == ["u-00000@example.com"]
    full = clock().replace(minute=0, second=0, microsecond=0)
    due = {f"{full + timedelta(hours=more):%Y-%m-%dT%H:%M:%SZ}" for more in (3, 5)}
    assert parked(desk, campaign_id) == due
    clock.pass_(hours=4)
    desk.finish()
    assert len(office.letters) == 2
    clock.pass_(hours=2)
    desk.finish()
    assert len(office.letters) == 3
    desk.tick()
    assert desk.head(campaign_id).state == "completed"


def test_what_waits_longer_than_the_campaign_is_good_for_is_skipped_with_the_reason(
    desk: Desk, viewers: Viewers, office: PostOffice, clock: StandingClock
) -> None:
    viewers(1, lambda _: {"timezone": "UTC", "attributes": {"best_hour": (clock().hour + 5) % 24}})
    campaign_id = desk.start(best_hour=True, expires_after_hours=2)
    desk.pump.run()
    clock.pass_(hours=6)
    desk.finish()
    assert office.letters == []
    assert desk.progress(campaign_id).skipped == {"expired": 1}
    desk.tick()
    assert desk.head(campaign_id).state == "completed"


def test_the_language_is_the_users_then_the_campaigns_then_the_stages(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    locales = ["ru", "en-GB", None, "de"]
    viewers(4, lambda n: {"locale": locales[n]} if locales[n] else {})
    desk.start(locale="en")
    desk.finish()
    said = {letter.address: "Здравствуйте" in letter.parts["text"] for letter in office.letters}
    assert said == {f"u-0000{n}@example.com": n == 0 for n in range(4)}


def test_a_route_holds_for_campaigns_too_and_their_counts_add_up(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    value = {"marketing": {"channels": ["email", "sms"], "mode": "first"}}
    Stage.own().settings_changes.put("routes", value, by="test")
    viewers(5)
    campaign_id = desk.start()
    desk.finish()
    progress = desk.progress(campaign_id)
    assert (progress.targeted, progress.sent, progress.skipped) == (10, 5, {"reached_by_email": 5})
    desk.tick()
    assert desk.head(campaign_id).state == "completed"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"best_hour": True, "canary_percent": 10}, "canary_percent"),
        ({"best_hour": True, "audience": {"list_id": "any"}}, "best_hour"),
    ],
)
def test_what_cannot_go_together_is_refused(
    desk: Desk, viewers: Viewers, fields: dict[str, object], field: str
) -> None:
    viewers(1)
    with pytest.raises(InvalidError) as refused:
        campaign_id = Stage.own().campaign_commands.draft(desk.spec(**fields), by=ANNA).id
        Stage.own().campaign_commands.start(campaign_id, by=ANNA)
    assert field in {one.field for one in refused.value.errors}
