"""An approval binds: what was seen is what is sent; whatever else would be sent waits for approval again."""

from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.campaigns.model import CampaignPatch
from chalicelib.campaigns.segments import SegmentBody, change_segment
from chalicelib.errors import ChangedError, ConflictError, ForbiddenError, InvalidError
from chalicelib.etags import Seen
from chalicelib.stage.app import Stage
from chalicelib.storage.campaign_head import CampaignHead
from tests.integration.api.gateway import gateway
from tests.integration.campaigns.conftest import ANNA, BORIS, CONTEXT, Desk, PostOffice, Viewers
from tests.processes import compose

CAMPAIGN = {"name": "November", "template": "promo", "audience": {"everyone": True}, "context": CONTEXT}
UNSEEN = "NEVER APPROVED TEXT"


@pytest.fixture(autouse=True)
def approval(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage requires another manager's approval."""
    monkeypatch.setenv("VESTNIK_CAMPAIGN_APPROVAL", "true")
    compose()


def seen(campaign_id: str) -> Seen:
    """What an approver sees now."""
    return Seen((Stage.own().approvals.tag(Stage.own().campaigns.get(campaign_id)),))


def approve(campaign_id: str, looked: Seen | None = None, *, by: str = BORIS) -> CampaignHead:
    return Stage.own().review.approve(campaign_id, by=by, seen=looked or seen(campaign_id))


def save_template(words: str, key: str = "promo") -> None:
    """Somebody with the right to write templates saves a version."""
    template = Stage.own().templates.get(key)
    body = template.model_dump(exclude={"key", "version"})
    body["locales"] = {
        locale: {**sources, "email.html": f"<p>{words}</p>"} for locale, sources in template.locales.items()
    }
    Stage.own().template_changes.add(key, body, by="key:templates")


def change_setting(name: str, value: Any) -> None:
    Stage.own().site_settings.put(name, value, by="manager:olga")


def bodies(office: PostOffice) -> str:
    return " ".join(part for letter in office.letters for part in letter.parts.values())


def events(desk: Desk, campaign_id: str) -> list[str]:
    return [Stage.own().campaigns.get(campaign_id).timeline[-1]]


@pytest.fixture
def asked(desk: Desk, viewers: Viewers) -> str:
    """A campaign that waits for approval."""
    viewers(1)
    return desk.start()


def test_a_template_that_is_saved_after_the_approval_is_not_sent(desk: Desk, asked: str, office: PostOffice) -> None:
    """Promise B1: a run sends the version that was approved, whatever was saved since."""
    campaign_id = desk.start(start_at="2026-03-02T11:00:00Z")
    approve(campaign_id)
    save_template(UNSEEN)
    desk.clock.pass_(hours=2)
    desk.tick()
    desk.finish()

    assert len(office.letters) == 1
    assert UNSEEN not in bodies(office)
    assert desk.head(campaign_id).state == "completed"


def test_every_run_of_a_periodic_campaign_sends_what_was_approved(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    """Promise B1: the same for its later runs."""
    viewers(1)
    campaign_id = desk.start(schedule={"every": "day", "at": "12:00"}, timezone="UTC")
    approve(campaign_id)
    for day in (2, 3, 4):
        save_template(f"{UNSEEN} {day}")
        desk.clock.at = datetime(2026, 3, day, 12, 0, 30, tzinfo=UTC)
        desk.tick()
        desk.finish()

    assert len(office.letters) == 3
    assert UNSEEN not in bodies(office)
    approved = desk.head(campaign_id).approved or {}
    assert {run.letter["template_version"] for run in desk.runs(campaign_id)} == {approved["template_version"]}


def test_what_was_changed_after_the_approver_looked_is_not_approved(desk: Desk, asked: str, office: PostOffice) -> None:
    """Promise B2: an approval is of what was seen; what differs is told, old and new."""
    looked = seen(asked)
    Stage.own().campaign_commands.edit(asked, CampaignPatch(context={**CONTEXT, "headline": UNSEEN}), by=ANNA)

    with pytest.raises(ChangedError) as refused:
        approve(asked, looked)
    desk.finish()

    assert [(one.field, one.message) for one in refused.value.differs] == [
        ("context.headline", f"was {CONTEXT['headline']}, is {UNSEEN}")
    ]
    assert (desk.head(asked).state, office.letters) == ("awaiting_approval", [])
    assert approve(asked, Seen((str(refused.value.tag),))).approved_by == BORIS


def test_a_template_that_is_saved_while_the_approver_looks_is_not_approved(desk: Desk, asked: str) -> None:
    looked = seen(asked)
    save_template(UNSEEN)

    with pytest.raises(ChangedError) as refused:
        approve(asked, looked)

    assert [one.field for one in refused.value.differs] == ["template_version"]


SETTINGS: dict[str, tuple[str, Any, str]] = {
    "the sender": ("sender", {"name": "Evil", "address": "evil@cinema.example"}, "sender.name"),
    "the allowed hosts": ("allowed_hosts", ["tv.example"], "allowed_hosts"),
    "the caps": ("caps", {"marketing": {"letters": 1, "days": 7}}, "caps.marketing"),
    "how long links work": ("link_days", {"short": 2, "confirmation": 3}, "link_days.short"),
}


@pytest.mark.parametrize("change", SETTINGS)
def test_what_cannot_be_kept_and_was_changed_is_asked_about_again(
    desk: Desk, viewers: Viewers, office: PostOffice, change: str
) -> None:
    """Promise B2: what would be sent otherwise than it was approved waits for approval, and says why."""
    viewers(1)
    campaign_id = desk.start(start_at="2026-03-02T11:00:00Z")
    approve(campaign_id)
    name, value, field = SETTINGS[change]
    change_setting(name, value)
    desk.clock.pass_(hours=2)
    desk.tick()
    desk.finish()

    assert (desk.head(campaign_id).state, office.letters) == ("awaiting_approval", [])
    assert f"{field}" in desk.head(campaign_id).timeline[-1]
    approve(campaign_id)
    desk.finish()
    assert (desk.head(campaign_id).state, len(office.letters)) == ("completed", 1)


def test_a_sender_who_is_changed_in_the_middle_of_a_run_holds_the_rest(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    """Promise B2: a run that goes on is held at its next chunk, and the exact rest follows the new approval."""
    viewers(100)
    campaign_id = desk.start()
    approve(campaign_id)
    desk.pump.run("fanout", "enrich-bulk")
    desk.pump.step("deliver-email-bulk", 1)
    sent = len(office.letters)
    assert 0 < sent < 100
    change_setting("sender", {"name": "Evil", "address": "evil@cinema.example"})
    desk.forget_states()
    desk.pump.run()
    assert len(office.letters) == sent
    desk.tick()
    assert desk.head(campaign_id).state == "awaiting_approval"
    desk.finish()
    assert len(office.letters) == sent

    approve(campaign_id)
    desk.forget_states()
    desk.finish()

    assert sorted(office.addresses) == sorted({f"u-{n:05}@example.com" for n in range(100)})
    assert desk.head(campaign_id).state == "completed"


def test_a_route_that_is_changed_after_the_approval_sends_as_it_was_approved(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    viewers(1)
    campaign_id = desk.start(start_at="2026-03-02T11:00:00Z")
    approve(campaign_id)
    change_setting("routes", {"marketing": {"channels": ["live", "email"], "mode": "first"}})
    desk.clock.pass_(hours=2)
    desk.tick()
    desk.finish()

    assert list(desk.runs(campaign_id)[0].channels) == ["email"]
    assert len(office.letters) == 1


def test_an_approval_repeated_is_success_and_another_ones_is_not(desk: Desk, asked: str) -> None:
    """Promise B4: asking for what has happened is success, and only for that."""
    looked = seen(asked)
    assert approve(asked, looked).state == "running"
    assert approve(asked, looked).approved_by == BORIS
    with pytest.raises(ChangedError):
        approve(asked, Seen(("other",)))


def test_what_was_changed_since_the_approval_does_not_count_as_approved(desk: Desk, viewers: Viewers) -> None:
    """Promise B4: an approval of what is there now is no repetition of an approval of what was."""
    viewers(1)
    campaign_id = desk.start(start_at="2026-03-02T11:00:00Z")
    approve(campaign_id)
    change_setting(*SETTINGS["the sender"][:2])

    with pytest.raises(ConflictError):
        approve(campaign_id, seen(campaign_id))


def test_a_campaign_is_sent_back_with_a_comment_and_comes_again(desk: Desk, asked: str, office: PostOffice) -> None:
    """Promise B2: whoever approves may send it back and say why."""
    desk_of_approval = Stage.own().review
    assert desk_of_approval.send_back(asked, by=BORIS, comment="Wrong link").state == "draft"
    assert desk_of_approval.send_back(asked, by=BORIS, comment="Wrong link").state == "draft"
    with pytest.raises(ConflictError):
        desk_of_approval.send_back(asked, by=BORIS, comment="And the price")
    assert '"note":"Wrong link"' in desk.head(asked).timeline[-1]
    with pytest.raises(ConflictError):
        approve(asked)
    Stage.own().campaign_commands.start(asked, by=ANNA)
    approve(asked)
    desk.finish()

    assert len(office.letters) == 1


def test_what_was_changed_after_the_approver_looked_is_not_sent_back(desk: Desk, asked: str) -> None:
    """Promise B2: a comment is on what was seen."""
    looked = seen(asked)
    Stage.own().campaign_commands.edit(asked, CampaignPatch(context={**CONTEXT, "headline": "Fixed"}), by=ANNA)
    desk_of_approval = Stage.own().review

    with pytest.raises(ChangedError):
        desk_of_approval.send_back(asked, by=BORIS, comment="Wrong headline", seen=looked)

    assert desk.head(asked).state == "awaiting_approval"
    assert [
        desk_of_approval.send_back(asked, by=BORIS, comment="And the price", seen=seen(asked)).state for _ in range(2)
    ] == ["draft", "draft"]


def test_a_campaign_that_is_over_is_not_sent_to_everybody_again_by_an_approval(
    desk: Desk, asked: str, office: PostOffice
) -> None:
    office.verdicts = {}
    approve(asked)
    desk.finish()
    change_setting("sender", {"name": "Other", "address": "other@cinema.example"})
    Stage.own().resend.begin(asked, by=ANNA)
    assert desk.head(asked).state == "awaiting_approval"
    approve(asked)
    desk.finish()

    assert (desk.head(asked).state, len(office.letters)) == ("completed", 1)


def test_a_pace_may_be_slower_than_approved_while_it_runs_and_never_faster(desk: Desk, viewers: Viewers) -> None:
    viewers(3)
    campaign_id = desk.start(rate_per_second=50)
    approve(campaign_id)
    control = Stage.own().campaign_commands
    assert control.edit(campaign_id, CampaignPatch(rate_per_second=5), by=ANNA).state == "running"
    assert control.edit(campaign_id, CampaignPatch(rate_per_second=50), by=ANNA).state == "running"
    with pytest.raises(InvalidError) as refused:
        control.edit(campaign_id, CampaignPatch(rate_per_second=51), by=ANNA)
    assert [one.field for one in refused.value.errors] == ["rate_per_second"]


def test_nobody_approves_what_they_wrote_however_others_changed_it_since(desk: Desk, asked: str) -> None:
    control = Stage.own().campaign_commands
    control.edit(asked, CampaignPatch(name="Clara's"), by="clara")
    control.edit(asked, CampaignPatch(rate_per_second=5), by="daria")

    for author in (ANNA, "clara", "daria"):
        with pytest.raises(ForbiddenError):
            approve(asked, by=author)

    assert approve(asked).approved_by == BORIS


def test_nothing_is_sent_before_another_manager_approves(desk: Desk, asked: str, office: PostOffice) -> None:
    desk.finish()
    assert (desk.head(asked).state, office.letters) == ("awaiting_approval", [])
    approve(asked)
    desk.finish()

    assert len(office.letters) == 1


def test_a_run_without_approval_takes_the_version_at_its_start(
    desk: Desk, viewers: Viewers, office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VESTNIK_CAMPAIGN_APPROVAL", "false")
    compose()
    viewers(1)
    save_template("The newest words")
    desk.start()
    desk.finish()

    assert "The newest words" in bodies(office)


ANNA_MADE_BOTH = ({"service": "one", "made_by": ANNA}, {"service": "other", "made_by": ANNA})
ONE_PAIR_OF_EYES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "another key of the service": ({}, {}),
    "another key of the one who edited it": ({"service": "other"}, {"service": "other"}),
    "another key of the same maker": ANNA_MADE_BOTH,
}


@pytest.mark.parametrize("case", ONE_PAIR_OF_EYES)
def test_two_keys_of_one_service_or_of_one_maker_are_one_pair_of_eyes(desk: Desk, viewers: Viewers, case: str) -> None:
    """Promise I6: nobody approves what they wrote by taking another key."""
    viewers(1)
    wrote, approves = ONE_PAIR_OF_EYES[case]
    first, editor, approver, other = gateway(), gateway(**wrote), gateway(**approves), gateway(service="approval")
    path = f"/v1/campaigns/{first.post('/v1/campaigns', CAMPAIGN).body['id']}"
    assert editor.patch(path, {"rate_per_second": 9}).status == 200
    seen = {"if-match": first.post(f"{path}/start").headers["etag"]}

    assert approver.call("POST", f"{path}/approve", headers=seen).status == 403
    assert other.call("POST", f"{path}/approve", headers=seen).body["state"] == "running"


def test_a_manager_and_a_key_that_they_made_are_one_pair_of_eyes(desk: Desk, viewers: Viewers) -> None:
    """Promise I6: in both directions, whichever of the two wrote."""
    viewers(1)
    own, others = gateway(service="hers", made_by=ANNA), gateway(service="his", made_by=BORIS)
    path = f"/v1/campaigns/{desk.start()}"
    seen = {"if-match": own.get(path).headers["etag"]}
    by_key = own.post("/v1/campaigns", CAMPAIGN).body["id"]
    own.post(f"/v1/campaigns/{by_key}/start")

    assert own.call("POST", f"{path}/approve", headers=seen).status == 403
    assert others.call("POST", f"{path}/approve", headers=seen).status == 200
    with pytest.raises(ForbiddenError):
        approve(by_key, by=ANNA)
    assert approve(by_key, by=BORIS).approved_by == BORIS


def test_a_changed_segment_is_noticed_before_the_approval_and_changes_nothing_after_it(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    viewers(2, lambda n: {"locale": "ru" if n else "en"})
    rules = {one: {"attribute": "locale", "op": "equals", "value": one} for one in ("ru", "en")}
    bodies_ = {one: SegmentBody.model_validate({"name": "Readers", "rule": rule}) for one, rule in rules.items()}
    segments = Stage.own().segments
    segment = segments.add(bodies_["ru"].fields(), by=ANNA)
    campaign_id = desk.start(audience={"segments": [segment.id]})
    looked = seen(campaign_id)
    change_segment(segments, segment.id, bodies_["en"], by=ANNA)
    with pytest.raises(ChangedError) as refused:
        approve(campaign_id, looked)
    assert [one.field for one in refused.value.differs] == [f"segments.{segment.id}.rule.value"]
    approve(campaign_id)
    change_segment(segments, segment.id, bodies_["ru"], by=ANNA)
    desk.finish()
    assert office.addresses == ["u-00000@example.com"]
    assert desk.runs(campaign_id)[0].outcome == "completed"
