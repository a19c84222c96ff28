"""Approving on the page that shows the letter; pressing twice."""

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chalicelib.accounts.managers import Role
from chalicelib.campaigns.model import CampaignPatch
from chalicelib.rendering.shipped import shipped_folder
from chalicelib.stage.app import Stage
from chalicelib.states import RunOutcome
from chalicelib.storage.rows.campaigns import HEAD_PART, CampaignRow
from tests.integration.admin.conftest import Visitor, signed_in
from tests.integration.admin.test_pages import viewers, written  # noqa: F401 - a fixture
from tests.processes import compose, new_process


def seen_on(page: str) -> str:
    """The version that the page says it shows."""
    found = re.search(r'name="seen" value="([^"]+)"', page)
    assert found is not None
    return found[1]


@pytest.fixture
def asked_for(stage: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage requires another manager's approval."""
    monkeypatch.setenv("VESTNIK_CAMPAIGN_APPROVAL", "true")
    compose()


@pytest.fixture
def editor(asked_for: None, viewers: None) -> Visitor:  # noqa: F811
    return signed_in("olga", Role.EDITOR, Role.APPROVER)


@pytest.fixture
def approver(asked_for: None) -> Visitor:
    return signed_in("ivan", Role.APPROVER)


def asked(editor: Visitor) -> str:
    """A campaign that waits for approval."""
    campaign = written(editor)
    assert editor.post(f"/admin/campaigns/{campaign}/start").said == "asked"
    return f"/admin/campaigns/{campaign}"


def test_nobody_approves_their_own_campaign(editor: Visitor, approver: Visitor) -> None:
    here = asked(editor)
    seen = seen_on(approver.get(f"{here}/check").text)

    assert editor.post(f"{here}/approve", seen=seen).status == 403
    assert [f'action="{here}/approve"' in one.get(f"{here}/check").text for one in (editor, approver)] == [False, True]
    assert [approver.post(f"{here}/approve", seen=seen).said for _ in range(2)] == ["approved", "approved"]
    assert Stage.own().campaigns.get(here.rpartition("/")[2]).approved_by == "manager:ivan"


def test_the_page_approves_what_it_showed_and_nothing_else(editor: Visitor, approver: Visitor) -> None:
    """Promise B2: what an editor changed while the approver looked is not approved by the old page."""
    here = asked(editor)
    campaign = here.rpartition("/")[2]
    seen = seen_on(approver.get(f"{here}/check").text)
    Stage.own().campaign_commands.edit(campaign, CampaignPatch(rate_per_second=9), by="manager:olga")

    refused = approver.post(f"{here}/approve", seen=seen)

    assert (refused.status, Stage.own().campaigns.get(campaign).state) == (412, "awaiting_approval")
    assert "was 50, is 9" in refused.text
    assert approver.post(f"{here}/approve").status == 412
    assert approver.post(f"{here}/approve", seen=seen_on(refused.text)).said == "approved"


def test_a_campaign_is_sent_back_with_a_comment(editor: Visitor, approver: Visitor) -> None:
    here = asked(editor)
    assert approver.post(f"{here}/send-back", comment=" ").status == 422
    assert signed_in("edith", Role.EDITOR).post(f"{here}/send-back", comment="no").status == 403

    answers = [approver.post(f"{here}/send-back", comment="The link is <old>") for _ in range(2)]

    assert [answer.said for answer in answers] == ["sent_back", "sent_back"]
    assert Stage.own().campaigns.get(here.rpartition("/")[2]).state == "draft"
    for page in ("", "/check"):
        assert "The link is &lt;old&gt;" in editor.get(f"{here}{page}").text


def test_what_is_sent_again_is_of_the_run_that_was_shown(
    boss: Visitor,
    viewers: None,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Promise B2: a run that began, or ended, since the page was opened is not touched by it."""
    campaign = written(boss, when="day", at="18:00")
    here = f"/admin/campaigns/{campaign}"
    boss.post(f"{here}/start")
    head = Stage.own().campaigns.get(campaign)
    for day in (1, 2):
        assert Stage.own().run_driver.open(head, datetime(2026, 3, day, tzinfo=UTC))
    since, shown = Stage.own().runs.of(campaign)
    for run in (shown, since):
        assert Stage.own().runs.close(
            run, outcome=RunOutcome.COMPLETED, at=run.created_at, targeted=1, recount_at="2026"
        )
        CampaignRow(campaign, HEAD_PART).update(actions=[CampaignRow.open_runs.remove()])
    CampaignRow(campaign, HEAD_PART).update(actions=[CampaignRow.state.set("scheduled")])

    assert boss.post(f"{here}/resend", run=shown.run_id).said == "resent"
    assert Stage.own().runs.of(campaign)[0].resend_of == shown.run_id


@pytest.mark.parametrize("verb", ["start", "pause", "resume", "cancel"])
def test_a_double_click_shows_no_failure(boss: Visitor, viewers: None, verb: str) -> None:  # noqa: F811
    """Promise B4: whoever presses twice sees the campaign as it is."""
    campaign = written(boss, when="day", at="18:00")
    for before in {"pause": ["start"], "resume": ["start", "pause"], "cancel": ["start"]}.get(verb, []):
        boss.post(f"/admin/campaigns/{campaign}/{before}")

    answers = [boss.post(f"/admin/campaigns/{campaign}/{verb}") for _ in range(2)]

    assert {answer.status for answer in answers} == {303}
    assert len({answer.said for answer in answers}) == 1


def test_the_letter_that_is_shown_is_in_the_layout_that_was_approved(
    editor: Visitor, approver: Visitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise B2: a page shows the letter as it is sent, whatever layout was deployed since."""
    later = {"when": "at", "start_at": "2099-01-01T10:00"}
    campaign, draft = written(editor, **later), written(editor, name="Draft")
    editor.post(f"/admin/campaigns/{campaign}/start")
    here = f"/admin/campaigns/{campaign}"
    assert approver.post(f"{here}/approve", seen=seen_on(approver.get(f"{here}/check").text)).said == "approved"

    folder = tmp_path / "templates"
    shutil.copytree(shipped_folder(), folder)
    layout = folder / "_layout" / "email.html"
    layout.write_text(layout.read_text().replace("</body>", "<p>The new layout</p></body>"))
    for module in ("chalicelib.rendering.template_store", "chalicelib.rendering.render"):
        monkeypatch.setattr(f"{module}.shipped_folder", lambda: folder)
    new_process()

    shown = [approver.get(f"/admin/campaigns/{one}/letter").text for one in (campaign, draft)]
    assert ["The new layout" in one for one in shown] == [False, True]
    assert "The new layout" not in approver.get(f"{here}/check").text
