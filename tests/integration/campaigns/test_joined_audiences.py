"""Audiences of several lists and segments, without others: everybody once; and rules about people's letters."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.campaigns import list_members
from chalicelib.campaigns import pacing as pace
from chalicelib.campaigns.held_chunks import notification_of
from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.recipient_sources import ListSource
from chalicelib.campaigns.segments import SegmentBody, change_segment, forget_segment
from chalicelib.campaigns.targets import TargetPage
from chalicelib.deliveries import DeliveryKey
from chalicelib.errors import ConflictError, InvalidError, NotFoundError
from chalicelib.pipeline.requests import NotificationRequest
from chalicelib.stage.app import Stage
from chalicelib.states import Engagement
from chalicelib.storage.segments import Segment
from tests.integration.campaigns.conftest import ANNA, BORIS, Desk, PostOffice, StandingClock, Viewers
from tests.integration.control.requests_made import Requests
from tests.ledgers import engage

RUSSIAN = {"attribute": "locale", "op": "equals", "value": "ru"}


def saved(rule: dict[str, Any], name: str = "Some") -> Segment:
    body = SegmentBody.model_validate({"name": name, "rule": rule})
    return Stage.own().segments.add(body.fields(), by=ANNA)


def forget(segment_id: str) -> None:
    forget_segment(segment_id, segments=Stage.own().segments, campaigns=Stage.own().campaigns)


def users(*numbers: int) -> list[str]:
    return [f"u-{n:05}@example.com" for n in numbers]


def matching(rule: dict[str, Any]) -> list[str]:
    """The users whom a rule finds now. Nothing is sent, which would be a letter too."""
    spec = Campaign.model_validate({"name": "-", "template": "promo", "audience": {"rule": rule}})
    source = Stage.own().sources.of_spec(spec, run_id="-", scheduled=Stage.own().clock())
    page = source.page(shard=0, shards=1, cursor=None, limit=100)
    return sorted(one.recipient.user_id or "" for one in page.targets)


@pytest.fixture
def sent(desk: Desk, office: PostOffice) -> Any:
    """Sends a campaign to an audience, and says who got a letter, in order."""

    def send(**audience: Any) -> list[str]:
        office.letters.clear()
        campaign = desk.start(audience=audience)
        desk.finish()
        progress = desk.progress(campaign)
        run = desk.runs(campaign)[0]
        assert run.outcome == "completed"
        assert progress.targeted == progress.settled == sum(desk.ledger(run).values())
        return sorted(office.addresses)

    return send


def test_whoever_is_in_several_parts_of_an_audience_gets_one_letter(desk: Desk, viewers: Viewers, sent: Any) -> None:
    viewers(6, lambda n: {"locale": "ru" if n < 3 else "en"})
    first = desk.load_list(b"user_id\nu-00002\nu-00003\n")
    second = desk.load_list(b"user_id,email\nu-00003,\nu-00004,\n,guest@example.com\n,U-00000@example.com\n")
    third = desk.load_list(b"email\nGuest@example.com\nother@example.com\n")
    everybody = sent(segments=[saved(RUSSIAN).id], lists=[first, second, third])
    assert everybody == sorted([*users(0, 1, 2, 3, 4), "guest@example.com", "other@example.com"])
    assert sent(lists=[third, second]) == sorted([*users(0, 3, 4), "guest@example.com", "other@example.com"])


def test_a_user_who_comes_to_match_during_a_run_is_still_written_to_once(
    desk: Desk, viewers: Viewers, office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A profile that changes while the run goes on moves nobody from part to part."""
    monkeypatch.setattr(pace, "MAX_SHARDS", 1)
    viewers(4, lambda n: {"locale": "ru" if n < 2 else "en"})
    listed = desk.load_list(b"user_id\nu-00000\nu-00003\n")
    page = ListSource.page

    def later(source: ListSource, **how: Any) -> TargetPage:
        viewers(4, lambda n: {"locale": "en" if n < 2 else "ru"})
        return page(source, **how)

    monkeypatch.setattr(ListSource, "page", later)
    campaign = desk.start(audience={"segments": [saved(RUSSIAN).id], "lists": [listed]})
    desk.finish()
    assert sorted(office.addresses) == users(0, 1, 3)
    assert desk.progress(campaign).targeted == 3
    assert desk.runs(campaign)[0].outcome == "completed"


def test_people_on_lists_and_in_segments_are_left_out(desk: Desk, viewers: Viewers, sent: Any) -> None:
    viewers(7, lambda n: {"locale": "ru" if n < 2 else "en"})
    by_id = desk.load_list(b"user_id\nu-00002\nu-00003\n")
    by_address = desk.load_list(b"email\nU-00004@example.com\nguest@example.com\n")
    russians = saved(RUSSIAN).id
    without = {"exclude_lists": [by_id, by_address], "exclude_segments": [russians]}
    assert sent(everyone=True, **without) == users(5, 6)
    listed = desk.load_list(
        b"user_id,email,locale\nu-00001,,\nu-00004,,\nu-00005,,\n,guest@example.com,\n,ivan@example.com,ru\n"
    )
    assert sent(list_id=listed, **without) == users(5)  # of an address the list alone says which language it speaks


def test_a_preview_counts_what_the_run_then_does(desk: Desk, viewers: Viewers, sent: Any) -> None:
    viewers(8, lambda n: {"locale": "ru" if n < 3 else "en"})
    lists = [desk.load_list(b"user_id\nu-00002\nu-00005\n"), desk.load_list(b"user_id\nu-00005\nu-00006\n")]
    audience = {
        "segments": [saved(RUSSIAN).id],
        "lists": lists,
        "exclude_lists": [desk.load_list(b"user_id\nu-00001\n")],
    }
    preview, spec = Stage.own().campaign_preview, desk.spec(audience=audience)
    whole = preview.look(None, spec)
    assert (whole.counts["recipients"], whole.counts["excluded"], whole.counts["final"]) == (5, 1, 4)
    size = Stage.own().audience_look.look(spec.audience)
    assert (size.people, size.excluded, size.estimate, size.complete) == (4, 1, 4, True)
    part, pages = preview.look(None, spec, at_most=3), 1
    while part.cursor:
        part, pages = preview.look(None, spec, cursor=part.cursor, at_most=3), pages + 1
    assert part.counts == whole.counts
    assert pages > 4
    assert sent(**audience) == users(0, 2, 5, 6)


def test_a_change_of_a_segment_changes_nothing_in_a_run_that_has_begun(
    desk: Desk, viewers: Viewers, office: PostOffice, sent: Any
) -> None:
    viewers(4, lambda n: {"locale": "ru" if n < 2 else "en"})
    segment = saved(RUSSIAN)
    campaign = desk.start(audience={"segments": [segment.id]})
    english = SegmentBody.model_validate({"name": "Some", "rule": {**RUSSIAN, "value": "en"}})
    change_segment(Stage.own().segments, segment.id, english, by=BORIS)
    desk.finish()
    assert sorted(office.addresses) == users(0, 1)
    assert desk.runs(campaign)[0].segments == {segment.id: {"name": "Some", "rule": RUSSIAN}}
    assert sent(segments=[segment.id]) == users(2, 3)


def test_a_segment_that_a_campaign_will_use_is_not_deleted(desk: Desk, viewers: Viewers) -> None:
    viewers(1, lambda _: {"locale": "ru"})
    segment = saved(RUSSIAN)
    campaign = desk.start(audience={"everyone": True, "exclude_segments": [saved({**RUSSIAN, "value": "en"}).id]})
    other = Stage.own().campaign_commands.draft(desk.spec(audience={"segments": [segment.id]}), by=ANNA).id
    with pytest.raises(ConflictError, match="Promo"):
        forget(segment.id)
    Stage.own().campaign_commands.cancel(other, by=ANNA)
    forget(segment.id)
    forget(segment.id)
    with pytest.raises(NotFoundError):
        Stage.own().segments.get(segment.id)
    with pytest.raises(NotFoundError):
        forget("never")
    assert desk.head(campaign).state == "running"


def test_what_an_audience_names_must_be_there_and_fit(
    desk: Desk, viewers: Viewers, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewers(3)
    monkeypatch.setattr("chalicelib.campaigns.audience_checks.MAX_MEMBERS", 2)
    long, short = desk.load_list(b"user_id\nu-1\nu-2\nu-3\n"), desk.load_list(b"user_id\nu-4\n")

    def wrong(**audience: Any) -> list[str]:
        try:
            desk.start(audience=audience)
        except InvalidError as error:
            return [one.field for one in error.errors]
        return []

    assert wrong(lists=[short, "gone"], exclude_segments=["gone"]) == [
        "audience.lists[1]",
        "audience.exclude_segments[0]",
    ]
    assert wrong(everyone=True, exclude_lists=[long]) == ["audience.exclude_lists"]
    assert wrong(lists=[long, short]) == ["audience.lists"]
    assert wrong(lists=[short, long]) == []  # the last is compared with nothing


def test_rules_ask_what_became_of_letters(
    desk: Desk, viewers: Viewers, office: PostOffice, clock: StandingClock, sent: Any
) -> None:
    ids = viewers(5)
    first = desk.start(audience={"list_id": desk.load_list("\n".join(["user_id", *ids[:4]]).encode())})
    desk.finish()
    name, ledger = desk.runs(first)[0].run_id, Stage.own().ledger
    keys = [DeliveryKey(notification_of(name, user_id=one), "email") for one in ids]
    engage(ledger, keys[0], Engagement.OPENED, at=clock() + timedelta(hours=1))
    engage(ledger, keys[1], Engagement.CLICKED, at=clock() + timedelta(hours=1))
    engage(ledger, keys[2], Engagement.MACHINE_CLICKED)
    clock.pass_(days=3)

    def whose(op: str, days: int = 5, of: str = first) -> dict[str, Any]:
        return {"attribute": of, "op": op, "value": days}

    assert matching(whose("clicked_campaign")) == ids[1:2]
    assert matching(whose("opened_campaign")) == ids[:2]
    assert matching(whose("got_campaign")) == ids[:4]
    assert matching(whose("got_campaign", days=2)) == []
    assert matching({"not": whose("got_campaign")}) == ids[4:]
    listed = desk.load_list("\n".join(["user_id", *ids]).encode())
    segment = saved(whose("opened_campaign")).id
    assert sent(list_id=listed, exclude_segments=[segment]) == users(2, 3, 4)


def test_rules_ask_who_has_got_nothing_for_some_days(
    desk: Desk, viewers: Viewers, office: PostOffice, clock: StandingClock
) -> None:
    ids = viewers(4)

    def write(*some: str, template: str = "promo") -> None:
        for one in some:
            context = Stage.own().templates.get(template).sample.context
            body = {"template": template, "recipients": [{"user_id": one}], "context": context, "channels": ["email"]}
            request = NotificationRequest.model_validate(body)
            Stage.own().accept.accept(request, caller="test", key=None)
        desk.finish()

    write(ids[0])
    clock.pass_(days=20)
    Stage.own().suppressions.add("email", f"{ids[2]}@example.com", reason="bounce")
    write(ids[1], ids[2])
    clock.pass_(days=20)
    any_letter = {"attribute": "any", "op": "got_letter", "value": 30}
    assert matching(any_letter) == [ids[1]]  # what was skipped has not come
    assert matching({**any_letter, "value": 60}) == ids[:2]
    assert matching({"not": any_letter}) == [ids[0], ids[2], ids[3]]
    assert matching({**any_letter, "attribute": "account"}) == []


def test_what_a_page_of_people_costs_is_bounded(desk: Desk, viewers: Viewers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "MAX_SHARDS", 1)
    ids = viewers(60)
    first = desk.start()
    desk.finish()
    listed = desk.load_list("\n".join(["user_id", *ids[:30]]).encode())

    def requests(audience: dict[str, Any]) -> int:
        made = Requests()
        Stage.own().campaign_preview.look(None, desk.spec(audience=audience), at_most=100)
        return made.count()

    plain = requests({"rule": {"attribute": "name", "op": "equals", "value": "Nobody"}})
    asked = {"attribute": first, "op": "got_campaign", "value": 2}
    nobody = {"all": [asked, {"attribute": "name", "op": "equals", "value": "Nobody"}]}
    assert requests({"rule": nobody}) <= plain + 3
    silent = {"all": [{"attribute": "any", "op": "got_letter", "value": 9}, nobody["all"][1]]}
    assert (
        requests({"rule": silent}) <= plain + 60 + 4
    )  # a request a person, and one look at what became of their newest
    without = {"rule": nobody["all"][1], "exclude_lists": [listed]}
    assert requests(without) <= plain + 2
    assert len(list_members.Members(["user:a", "user:a", "user:b"])) == 3
