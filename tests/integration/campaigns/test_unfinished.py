"""Which campaigns may still send, among many that are over."""

import pytest

from chalicelib.campaigns.model import Campaign
from chalicelib.stage.app import Stage
from chalicelib.storage.rows.campaigns import HEAD_PART, CampaignRow
from chalicelib.storage.unfinished_campaigns import unfinished_campaigns
from tests.integration.control.requests_made import Requests

pytestmark = pytest.mark.usefixtures("stage")
SPEC = {
    "name": "Half price",
    "template": "promo",
    "audience": {"everyone": True},
    "context": {"headline": "Half price", "text": "All films.", "url": "https://cinema.example/p"},
}


def draft() -> str:
    return Stage.own().campaign_commands.draft(Campaign.model_validate(SPEC), by="test").id


def cancelled() -> str:
    return Stage.own().campaign_commands.cancel(draft(), by="test").id


def test_those_that_are_over_cost_nothing() -> None:
    first = draft()
    for _ in range(120):
        cancelled()
    last = draft()
    requests = Requests()
    found = [head.id for head in unfinished_campaigns(Stage.own().campaigns)]
    assert (found, requests.count()) == ([last, first], 3)


def test_what_the_last_release_wrote_is_found_before_it_is_in_the_list() -> None:
    old, over = draft(), cancelled()
    for campaign_id in (old, over):
        CampaignRow(campaign_id, HEAD_PART).update(actions=[CampaignRow.desk.remove(), CampaignRow.changed_at.remove()])
    assert [head.id for head in unfinished_campaigns(Stage.own().campaigns)] == [old]
