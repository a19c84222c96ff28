"""The calendar: what will be sent, what was sent, caps and quiet hours in sight; on the page and by API."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.accounts.api_keys import Scope
from chalicelib.stage.app import Stage
from chalicelib.states import CampaignState
from tests.integration.admin.conftest import Visitor, text_of
from tests.integration.api.gateway import gateway
from tests.integration.campaigns.conftest import ANNA, Desk, Viewers, clock, desk, no_event_sources, office, viewers
from tests.integration.conftest import pump
from tests.integration.control.requests_made import Requests

__all__ = ["clock", "desk", "no_event_sources", "office", "pump", "viewers"]  # fixtures
LATER = {"start_at": "2026-03-06T15:00:00Z"}  # the standing clock says 2 March
CALENDAR = "/v1/campaigns/calendar"
MARCH = {"from": "2026-03-01", "to": "2026-03-31"}


def test_caps_that_another_process_has_just_set_are_shown(boss: Visitor) -> None:
    elsewhere = Stage(**Stage.own().given).site_settings
    for by_api, on_page in ((61, 62), (63, 64)):
        elsewhere.put("caps", {"marketing": {"letters": by_api, "days": 7}}, by="anna")
        assert gateway().call("GET", CALENDAR, query=MARCH).body["caps"]["marketing"]["letters"] == by_api
        elsewhere.put("caps", {"marketing": {"letters": on_page, "days": 7}}, by="anna")
        assert f" {on_page} " in text_of(boss.get("/admin/calendar?day=2026-03-10").text)


def test_single_and_repeated_campaigns_are_planned_and_what_has_gone_was_sent(
    boss: Visitor, desk: Desk, viewers: Viewers
) -> None:
    viewers(3)
    desk.start(name="At once")
    desk.finish()
    desk.start(name="Friday", **LATER)
    weekly = {"every": "week", "on": "monday", "at": "10:00"}
    desk.start(name="Weekly", schedule=weekly, timezone="Europe/Moscow")
    desk.start(name="Own clocks", start_at="2026-03-10T18:00:00Z", timezone="recipient")
    paused = desk.start(name="Paused", **LATER)
    Stage.own().campaign_commands.pause(paused, by=ANNA)

    answer = gateway().call("GET", CALENDAR, query=MARCH).body
    seen = [(one["name"], one["state"], one["day"][-2:], one["local_time"], one["sent"]) for one in answer["sendings"]]
    assert seen == [
        ("At once", "sent", "02", None, 3),
        ("Friday", "planned", "06", None, None),
        ("Weekly", "planned", "09", None, None),
        ("Own clocks", "planned", "10", "18:00", None),
        *(("Weekly", "planned", day, None, None) for day in ("16", "23", "30")),
    ]
    assert answer["complete"]
    assert {one["recipients"] for one in answer["sendings"]} == {3}

    page = text_of(boss.get("/admin/calendar?day=2026-03-10").text)
    assert "March 2026" in page
    assert "18:00 local Own clocks" in page
    assert "10:00 Weekly" in page
    assert "18:00 Friday" in page  # 15:00 UTC, in the site's zone
    assert "sent to 3" in page
    assert "Paused" not in page.replace("paused campaigns", "")
    week = text_of(boss.get("/admin/calendar?view=week&day=2026-03-10").text)
    assert "18:00 where each reader lives Own clocks" in week
    assert "Friday," in week
    assert "18:00 Friday" not in week


def test_a_run_that_goes_on_is_running_and_not_planned_twice(desk: Desk, viewers: Viewers) -> None:
    viewers(3)
    desk.start(name="Now", canary_percent=50)
    desk.finish()
    answer = gateway().call("GET", CALENDAR, query=MARCH)
    assert answer.status == 200, answer.body
    [one] = answer.body["sendings"]
    assert (one["state"], one["recipients"]) == ("running", 3)


def test_caps_that_bite_and_quiet_hours_are_said_in_words(boss: Visitor, desk: Desk, viewers: Viewers) -> None:
    viewers(1)
    site = Stage.own().site_settings
    site.put("caps", {"marketing": {"letters": 2, "days": 7}}, by=ANNA)
    site.put("quiet_hours", {"starts": "22:00", "ends": "08:00"}, by=ANNA)
    for day in (3, 4, 5):
        desk.start(name=f"Day {day}", start_at=f"2026-03-0{day}T21:00:00+03:00", category="marketing")
    desk.start(name="Night", start_at="2026-03-12T23:30:00+03:00", category="marketing")
    desk.start(name="Account", start_at="2026-03-12T23:30:00+03:00", category="account")

    answer = gateway().call("GET", CALENDAR, query=MARCH).body
    assert answer["caps_reached"] == [
        {"category": "marketing", "day": "2026-03-05", "sendings": 3, "letters": 2, "days": 7}
    ]
    quiet = {one["name"]: one["quiet_until"] for one in answer["sendings"]}
    assert {name: until for name, until in quiet.items() if until} == {"Night": "08:00"}
    page = text_of(boss.get("/admin/calendar?day=2026-03-10").text)
    assert "3 × Offers within 7 days, but a reader gets 2 at most" in page
    assert "In quiet hours: letters wait until 08:00." in page
    assert "Quiet hours: 22:00–08:00" in page


def test_a_service_sees_its_own_and_bad_days_are_named(desk: Desk, viewers: Viewers) -> None:
    viewers(1)
    desk.start(name="Of a manager")
    desk.finish()
    desk.start(name="Later", **LATER)
    stranger = gateway(Scope.CAMPAIGNS_READ, service="player")
    assert stranger.call("GET", CALENDAR, query=MARCH).body["sendings"] == []
    for days, field in (
        ({"to": "soon"}, "to"),
        ({"from": "2026-02-30"}, "from"),
        ({"from": "2026-04-01"}, "to"),
        ({"to": "2026-07-01"}, "to"),
    ):
        refused = gateway().call("GET", CALENDAR, query={**MARCH, **days})
        assert refused.status == 422, days
        assert refused.bad_fields == [field]
    assert gateway().call("GET", CALENDAR).status == 200  # a month from today


@pytest.mark.parametrize("query", ["day=soon", "day=0001-01-01", "view=year", "day=2026-02-30"])
def test_a_page_of_no_day_says_so(boss: Visitor, query: str) -> None:
    assert boss.get(f"/admin/calendar?{query}").status == 422


def test_it_takes_few_requests_with_many_campaigns(boss: Visitor, desk: Desk) -> None:
    commands, campaigns = Stage.own().campaign_commands, Stage.own().campaigns
    for n in range(230):
        head = commands.draft(desk.spec(name=f"Campaign {n}"), by=ANNA)
        at = datetime(2026, 3, 3, tzinfo=UTC) + timedelta(hours=n)
        campaigns.enter(
            head,
            CampaignState.SCHEDULED,
            only_from=[CampaignState.DRAFT],
            by=ANNA,
            changes={"next_run_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "due": True},
        )
    address = "/admin/calendar?day=2026-03-10"
    assert boss.get(address).status == 200
    requests = Requests()
    page = boss.get(address).text
    assert requests.count() <= 8
    assert "Campaign 0<" in page
    assert "More is planned than fits here" in page
