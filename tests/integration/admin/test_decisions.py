"""A first part that has gone waits for a person, who sees its results beside the decision, on every page."""

import re

import pytest

from chalicelib.accounts.managers import Role
from chalicelib.stage.app import Stage
from tests.integration.admin.conftest import Visitor, signed_in, text_of
from tests.integration.campaigns.conftest import (
    Desk,
    PostOffice,
    Viewers,
    clock,
    desk,
    no_event_sources,
    office,
    viewers,
)
from tests.integration.conftest import pump

__all__ = ["clock", "desk", "no_event_sources", "office", "pump", "viewers"]  # fixtures
WAITS = '<span class="badge warn">waits for you</span>'


def held(desk: Desk, viewers: Viewers, **fields: object) -> str:
    viewers(40)
    campaign_id = desk.start(canary_percent=10, **fields)
    desk.finish()
    return campaign_id


def test_the_decision_is_offered_when_the_first_part_has_gone_and_never_before_or_after(
    boss: Visitor, desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    viewers(40)
    campaign_id = desk.start(canary_percent=10)
    page = f"/admin/campaigns/{campaign_id}"
    desk.pump.run("fanout")
    seen = boss.get(page)
    assert f"{page}/canary" not in seen.text
    assert WAITS not in seen.text

    desk.finish()
    seen = boss.get(page)
    assert WAITS in seen.text
    assert "Sent to 4, waits for you" in text_of(seen.text)
    assert "36 more are held back" in text_of(seen.text)
    assert f"{page}/canary" in seen.text
    assert "left" not in text_of(seen.text).replace("has not left will not leave", "")  # no time is left
    for other in ("/admin", "/admin/campaigns"):
        assert WAITS in boss.get(other).text
    assert "36 more wait for your decision" in text_of(boss.get("/admin").text)

    run = re.search(r'name="run" value="([^"]+)"', seen.text)
    assert run
    assert boss.post(f"{page}/canary", run=run[1]).said == "released"
    desk.finish()
    assert len(office.letters) == 40
    for other in (page, "/admin", "/admin/campaigns"):
        seen = boss.get(other)
        assert (WAITS in seen.text, f"{page}/canary" in seen.text) == (False, False)


def test_a_release_of_a_form_that_is_too_early_says_so_on_the_page(boss: Visitor, desk: Desk, viewers: Viewers) -> None:
    viewers(40)
    campaign_id = desk.start(canary_percent=10)
    seen = boss.post(f"/admin/campaigns/{campaign_id}/canary")
    assert seen.status == 409
    assert "still being gathered" in seen.text


def test_after_the_rest_is_cancelled_the_page_says_what_stopped_and_offers_nothing(
    boss: Visitor, desk: Desk, viewers: Viewers
) -> None:
    campaign_id = held(desk, viewers)
    page = f"/admin/campaigns/{campaign_id}"
    assert boss.post(f"{page}/cancel").said == "cancelled"
    draining = boss.get(page).text
    desk.forget_states()
    desk.finish()
    for seen in (draining, boss.get(page).text):
        assert "4 sent, 36 stopped before sending" in text_of(seen)
        assert "never prepared" not in seen
        assert f"{page}/canary" not in seen
        assert "Still on their way" not in text_of(seen)
        assert '<progress max="40"' not in seen


def test_who_may_not_decide_sees_the_results_and_no_button(desk: Desk, viewers: Viewers) -> None:
    campaign_id = held(desk, viewers)
    seen = signed_in("vera", Role.VIEWER).get(f"/admin/campaigns/{campaign_id}").text
    assert "An editor decides." in seen
    assert "/canary" not in seen


def test_each_run_can_be_looked_at_and_decided_about(
    boss: Visitor, desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    """Promise B2: the run that was shown is released, whichever is the newest."""
    viewers(20)
    campaign_id = desk.two_canaries()
    page = f"/admin/campaigns/{campaign_id}"
    newest, older = desk.runs(campaign_id)
    seen = boss.get(page)
    assert "Each time it was sent" in seen.text
    assert f'name="run" value="{newest.run_id}"' in seen.text
    assert "waits for a decision" in text_of(seen.text)  # the other one
    of_older = boss.get(f"{page}?run={older.run_id.replace('@', '%40')}")
    assert f'name="run" value="{older.run_id}"' in of_older.text
    boss.post(f"{page}/canary", run=older.run_id)
    desk.finish()
    assert len(office.letters) == 2 + 2 + 18
    assert boss.get(f"{page}?run=other").status == 404


@pytest.mark.parametrize("language", ["en", "ru"])
def test_no_page_of_a_campaign_speaks_of_shards(boss: Visitor, desk: Desk, viewers: Viewers, language: str) -> None:
    campaign_id = held(desk, viewers)
    boss.says["accept-language"] = language
    seen = text_of(boss.get(f"/admin/campaigns/{campaign_id}").text)
    assert not re.search("shard|шард|run id", seen, re.IGNORECASE)
    assert desk.runs(campaign_id)[0].run_id not in seen


def test_rates_are_of_what_has_an_outcome(boss: Visitor, desk: Desk, viewers: Viewers) -> None:
    """Four were sent, and of none is anything known: no share of deliveries is shown, nor of openings."""
    campaign_id = held(desk, viewers)
    seen = boss.get(f"/admin/campaigns/{campaign_id}").text
    figures = dict(re.findall(r"<dt>([^<]+)</dt><dd>(.*?)</dd>", seen))
    assert "—" in figures["Delivered"]
    assert "—" in figures["Complaints"]
    assert "delivered" not in text_of(boss.get("/admin/campaigns").text)
    assert Stage.own().campaigns.get(campaign_id).state == "running"
