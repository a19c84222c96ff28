"""An edit that loses to something else changes nothing at all, and the next one is as free as before."""

import pytest

from chalicelib.campaigns.model import CampaignPatch, spec_of
from chalicelib.errors import ConflictError
from chalicelib.etags import Seen
from chalicelib.schemas import kept
from chalicelib.stage.app import Stage
from tests.integration.campaigns.conftest import ANNA, BORIS, Desk, Viewers


def test_an_edit_that_loses_to_a_start_leaves_nothing_behind(desk: Desk, viewers: Viewers) -> None:
    """Promise B3: a write is whole or not at all: whoever loses a race can write again."""
    viewers(1)
    control, store = Stage.own().campaign_commands, Stage.own().campaigns
    head = control.draft(desk.spec(start_at="2026-03-02T11:00:00Z"), by=ANNA)
    stale = store.get(head.id)
    control.start(head.id, by=ANNA)

    with pytest.raises(ConflictError):
        store.edit(stale, kept(desk.spec(name="Lost")), paces=(1, 1), by=BORIS, changes={})

    assert store.authors(head) == {ANNA}
    seen = Seen((Stage.own().approvals.tag(store.get(head.id)),))
    assert spec_of(control.edit(head.id, CampaignPatch(name="Mine"), by=ANNA, seen=seen)).name == "Mine"
    assert [one.version for one in store.versions(head.id)] == [1, 2]


def test_what_was_edited_as_its_run_was_opened_opens_none(desk: Desk, viewers: Viewers) -> None:
    """Promise B1: a run that was drawn up of what is not there any more is never sent."""
    viewers(1)
    campaign_id = desk.start(start_at="2026-03-02T11:00:00Z")
    stale = desk.head(campaign_id)
    Stage.own().campaign_commands.edit(campaign_id, CampaignPatch(name="Other"), by=ANNA)
    desk.clock.pass_(hours=2)

    assert Stage.own().generator.launch(stale) == 0
    assert desk.runs(campaign_id) == []
    desk.tick()
    assert [run.spec["name"] for run in desk.runs(campaign_id)] == ["Other"]
