"""A run whose letters the provider refuses one after another stops before it has lost more than a few."""

import json
from collections import Counter

import pytest

from chalicelib.channels.port import Outcome, Verdict
from chalicelib.flow.throttle import MOST_IN_A_ROW
from chalicelib.stage.app import Stage
from chalicelib.storage.rows.flow import SwitchRow
from tests.integration.campaigns.conftest import ANNA, Desk, PostOffice, Viewers, head_row
from tests.processes import compose

SAID = "MessageRejected: a word of ours is on the list of spam"
REFUSED = Outcome(Verdict.REFUSED, reason="rejected", said=SAID)
UNCLEAR = Outcome(Verdict.NOT_ACCEPTED, reason="unclear", said=SAID)


@pytest.fixture(autouse=True)
def soon(stage: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQS's delays are real: what is put aside comes back at once."""
    monkeypatch.setenv("VESTNIK_RETRY_SECONDS", "0")
    compose()


def refuse(office: PostOffice, ids: list[str], outcome: Outcome = REFUSED) -> None:
    office.verdicts = {f"{one}@example.com": outcome for one in ids}


def resume(desk: Desk, campaign_id: str) -> None:
    Stage.own().campaign_commands.resume(campaign_id, by=ANNA)
    desk.forget_states()
    desk.finish()


def events(desk: Desk, campaign_id: str) -> list[tuple[str, str | None]]:
    timeline = [json.loads(one) for one in desk.head(campaign_id).timeline]
    return [(one["event"], one.get("note")) for one in timeline]


def test_refusals_in_a_row_stop_a_run_and_after_the_repair_everybody_has_one_letter(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    """Promise D7: what was refused meanwhile is sent again like all that was not sent."""
    ids = viewers(70)
    refuse(office, ids)
    campaign_id = desk.start()
    desk.finish()

    assert desk.head(campaign_id).state == "paused"
    assert events(desk, campaign_id)[-1] == ("refused", SAID)
    assert desk.progress(campaign_id).failed == MOST_IN_A_ROW

    office.verdicts = {}
    resume(desk, campaign_id)
    assert desk.head(campaign_id).state == "completed"
    assert len(office.letters) == 70 - MOST_IN_A_ROW

    Stage.own().resend.begin(campaign_id, by=ANNA)
    desk.finish()
    assert Counter(office.addresses) == Counter({f"{one}@example.com": 1 for one in ids})


def test_who_resumes_before_the_repair_loses_no_further_letter(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    """Promise D7."""
    refuse(office, viewers(60))
    campaign_id = desk.start()
    desk.finish()
    resume(desk, campaign_id)

    assert desk.head(campaign_id).state == "paused"
    assert desk.progress(campaign_id).failed == MOST_IN_A_ROW


def test_what_nothing_explains_stops_a_run_too_and_fails_nothing(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    """Promise D7."""
    refuse(office, viewers(60), UNCLEAR)
    campaign_id = desk.start()
    desk.finish()

    assert desk.head(campaign_id).state == "paused"
    assert desk.ledger(desk.runs(campaign_id)[0]).keys() <= {"queued", "waiting"}


@pytest.mark.parametrize("bad", [1, MOST_IN_A_ROW - 1])
def test_a_few_bad_addresses_stop_nothing(desk: Desk, viewers: Viewers, office: PostOffice, bad: int) -> None:
    ids = viewers(60)
    refuse(office, ids[:bad])
    campaign_id = desk.start()
    desk.finish()

    assert desk.head(campaign_id).state == "completed"
    assert (desk.progress(campaign_id).sent, desk.progress(campaign_id).failed) == (60 - bad, bad)
    assert not head_row(campaign_id).refusals


def test_a_run_that_is_refused_says_nothing_of_other_letters(desk: Desk, viewers: Viewers, office: PostOffice) -> None:
    """The switch of the provider stays closed: a text that is refused is the campaign's own."""
    refuse(office, viewers(60))
    desk.start()
    desk.finish()

    assert Stage.own().switches.read("ses").state == "closed"
    assert not SwitchRow.get("ses").refusals if SwitchRow.count("ses") else True
