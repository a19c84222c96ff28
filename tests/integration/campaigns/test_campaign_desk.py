"""The list of campaigns: found, sorted and counted from notes; tags, the archive, copies, drafts that are deleted."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.campaigns.desk import DeskQuery, page_of
from chalicelib.campaigns.tags import distinct, read_tags
from chalicelib.clock import parse_rfc3339, rfc3339
from chalicelib.deliveries import DeliveryKey, S
from chalicelib.errors import ConflictError, InvalidError, NotFoundError
from chalicelib.service_scope import EVERYTHING, Sight
from chalicelib.stage.app import Stage
from chalicelib.storage.campaign_desk import DeskEntry
from chalicelib.storage.campaign_results import Results, read_months
from chalicelib.storage.rows.campaigns import HEAD_PART, CampaignRow, RunRow
from tests.integration.campaigns.conftest import ANNA, BORIS, Desk, PostOffice, StandingClock, Viewers
from tests.integration.control.requests_made import Requests
from tests.ledgers import heard
from tests.processes import compose

CREATED = "2026-03-02T10:00:00.000000Z"


def listed(**asked: Any) -> list[str]:
    """The names that the list shows."""
    entries = Stage.own().campaign_desk.entries(sight=EVERYTHING)
    return [one.name for one in page_of(entries, DeskQuery(**asked), limit=50, cursor=None).entries]


def entry(campaign_id: str) -> DeskEntry:
    [found] = [one for one in Stage.own().campaign_desk.entries(sight=EVERYTHING) if one.id == campaign_id]
    return found


def draft(desk: Desk, name: str, **fields: Any) -> str:
    """The id of one."""
    return Stage.own().campaign_commands.draft(desk.spec(name=name, **fields), by=ANNA).id


def test_a_campaign_is_found_by_any_part_of_its_name_and_by_what_it_is(desk: Desk) -> None:
    first = draft(desk, "Осенняя премьера")
    draft(desk, "Half price")
    Stage.own().desk_commands.tag(first, add=("Осень",))
    assert listed(q="ПРЕМЬЕР") == ["Осенняя премьера"]
    assert listed(tag="осень") == ["Осенняя премьера"]
    assert (listed(template="promo", author=ANNA, sort="name"), listed(author=BORIS)) == (
        ["Half price", "Осенняя премьера"],
        [],
    )
    at = parse_rfc3339(Stage.own().campaigns.get(first).created_at)
    assert listed(created_before=at) == []
    assert len(listed(created_after=at, created_before=at + timedelta(seconds=1))) == 2


def entries(n: int) -> list[DeskEntry]:
    return [
        DeskEntry(
            f"id-{number}",
            "completed" if number % 3 else "draft",
            f"Name {number}",
            "promo",
            "",
            f"2026-03-{number + 1:02}T10:00:00.000000Z",
            results=Results(total={"sent": number % 4, "delivered": 4, "opened": number % 5}),
        )
        for number in range(n)
    ]


@pytest.mark.parametrize("sort", ["-created", "created", "-when", "name", "-name", "-sent", "sent", "-opens", "opens"])
def test_pages_together_show_each_once_in_one_order(sort: Any) -> None:
    whole, seen, cursor = entries(20), list[str](), None
    while True:
        page = page_of(whole, DeskQuery(sort=sort), limit=3, cursor=cursor)
        seen += [one.id for one in page.entries]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == [one.id for one in page_of(whole, DeskQuery(sort=sort), limit=50, cursor=None).entries]
    assert sorted(seen) == sorted(one.id for one in whole)
    assert page.counts == {"all": 20, "draft": 7, "completed": 13}


def test_a_cursor_of_another_order_or_a_made_up_one_is_refused() -> None:
    page = page_of(entries(5), DeskQuery(sort="name"), limit=2, cursor=None)
    for cursor in (page.cursor, "x", ""):
        with pytest.raises(InvalidError):
            page_of(entries(5), DeskQuery(sort="-sent"), limit=2, cursor=cursor)


def test_the_list_reads_what_has_changed_and_nothing_else(desk: Desk) -> None:
    ids = [draft(desk, f"Draft {n}") for n in range(3)]
    assert len(listed()) == 3
    other = compose()  # another process changes it
    other.desk_commands.tag(ids[0], add=("new",))
    other.desk_commands.delete_draft(ids[1])
    requests = Requests()
    assert sorted(listed()) == ["Draft 0", "Draft 2"]
    assert entry(ids[0]).tags == ("new",)
    assert requests.count() == requests.count("Query")


def test_what_a_run_brought_is_noted_and_counted_again_as_letters_are_opened(
    desk: Desk, viewers: Viewers, office: PostOffice, clock: StandingClock
) -> None:
    viewers(4)
    campaign_id = desk.start()
    desk.finish()
    noted = entry(campaign_id)
    assert (noted.state, noted.results.total["targeted"], noted.results.total["sent"]) == ("completed", 4, 4)

    for letter in office.letters[:3]:
        key = DeliveryKey.of(letter.delivery_id)
        assert heard(Stage.own().ledger, key, S.DELIVERED, told_at=rfc3339(clock()))
    clock.pass_(minutes=3)
    desk.tick()
    assert entry(campaign_id).results.total["delivered"] == 3
    [month] = read_months(["2026-03"], sight=EVERYTHING)
    assert (month["campaigns"], month["runs"], month["sent"], month["delivered"]) == (1, 1, 4, 3)
    desk.tick()  # not due
    desk.tick()
    assert read_months(["2026-03"], sight=EVERYTHING) == [month]


def test_a_run_is_not_counted_again_for_ever(desk: Desk, viewers: Viewers, clock: StandingClock) -> None:
    viewers(1)
    campaign_id = desk.start()
    desk.finish()
    times = 0
    while desk.runs(campaign_id)[0].recount_at is not None and times < 100:
        clock.at = parse_rfc3339(desk.runs(campaign_id)[0].recount_at or "")
        desk.tick()
        times += 1
    assert 10 < times < 60
    finished = parse_rfc3339(desk.runs(campaign_id)[0].finished_at or "")
    assert clock.at - finished > timedelta(days=30)


def test_months_are_told_to_a_service_of_its_own_campaigns(desk: Desk, viewers: Viewers) -> None:
    viewers(2)
    head = Stage.own().campaign_commands.draft(desk.spec(), by="key", service="shop")
    Stage.own().campaign_commands.start(head.id, by="key")
    desk.start()
    desk.finish()
    of_shop, of_all, of_none = (
        read_months(["2026-03"], sight=one)[0] for one in (Sight("shop"), EVERYTHING, Sight("other"))
    )
    assert (of_shop["sent"], of_all["sent"], of_none["sent"]) == (2, 4, 0)


def test_what_the_last_release_wrote_comes_into_the_list_by_itself(
    desk: Desk, viewers: Viewers, clock: StandingClock
) -> None:
    viewers(2)
    campaign_id = desk.start()
    desk.finish()
    before = entry(campaign_id)
    [run] = desk.runs(campaign_id)
    for attribute in (CampaignRow.desk, CampaignRow.changed_at, CampaignRow.about, CampaignRow.results):
        CampaignRow(campaign_id, HEAD_PART).update(actions=[attribute.remove()])
    for of_run in (RunRow.in_totals, RunRow.recount, RunRow.recount_at):
        RunRow(campaign_id, run.scheduled_at).update(actions=[of_run.remove()])
    compose(clock=clock)
    assert listed() == []

    desk.tick()
    assert (entry(campaign_id).name, entry(campaign_id).results.total) == ("Promo", {})
    desk.tick()
    assert entry(campaign_id).results == before.results


def test_tags_are_few_short_and_different() -> None:
    assert read_tags(" Autumn , autumn, ФИЛЬМ,фильм, и\u0306од ") == ("Autumn", "ФИЛЬМ", "йод")
    for typed in (",".join(map(str, range(11))), "x" * 41):
        with pytest.raises(InvalidError):
            read_tags(typed)
    assert read_tags(" , ") == ()
    assert distinct(["b", "A", "a"]) == ("b", "A")


def test_two_who_tag_at_once_keep_both_their_tags(desk: Desk) -> None:
    campaign_id = draft(desk, "Promo")
    commands = Stage.own().desk_commands
    seen = commands.tag(campaign_id, add=("autumn",))
    assert Stage.own().desk_commands.shelf.tag(seen._replace(tags=()), ("mine",)) is None
    commands.tag(campaign_id, add=("theirs",))
    assert commands.tag(campaign_id, add=("mine",), remove=("Autumn",)).tags == ["theirs", "mine"]


def test_tags_need_no_new_approval_and_make_no_version(desk: Desk) -> None:
    campaign_id = draft(desk, "Promo")
    before = Stage.own().approvals.tag(desk.head(campaign_id))
    head = Stage.own().desk_commands.tag(campaign_id, add=("one",))
    assert (head.tags, head.version, Stage.own().approvals.tag(head)) == (["one"], 1, before)
    assert Stage.own().desk_commands.tag(campaign_id, add=("ONE", "two")).tags == ["one", "two"]
    with pytest.raises(InvalidError):
        Stage.own().desk_commands.tag(campaign_id, add=[str(n) for n in range(10)])
    assert not Stage.own().desk_commands.tag(campaign_id, remove=("ONE", "two")).tags


def test_what_is_over_is_put_away_and_comes_back_when_it_moves(desk: Desk, viewers: Viewers) -> None:
    viewers(1)
    commands = Stage.own().desk_commands
    running = desk.start(start_at="2026-03-03T10:00:00Z")
    with pytest.raises(ConflictError):
        commands.archive(running)
    away = draft(desk, "Away")
    assert commands.archive(away).archived_at == commands.archive(away).archived_at
    assert (listed(), listed(archived=True)) == (["Promo"], ["Away"])
    Stage.own().campaign_commands.start(away, by=ANNA)
    assert sorted(listed()) == ["Away", "Promo"]
    commands.archive(draft(desk, "Again"))
    assert commands.unarchive(entry_named("Again")).archived_at is None


def entry_named(name: str) -> str:
    [found] = [one.id for one in Stage.own().campaign_desk.entries(sight=EVERYTHING) if one.name == name]
    return found


def test_a_copy_has_all_content_but_no_start_that_has_passed(desk: Desk, clock: StandingClock) -> None:
    source = draft(desk, "Promo", start_at="2026-03-03T10:00:00Z", note="Why", canary_percent=5)
    Stage.own().desk_commands.tag(source, add=("autumn",))
    commands = Stage.own().desk_commands
    early = commands.copy(source, by=BORIS)
    clock.pass_(days=2)
    late = commands.copy(early.id, by=BORIS)
    spec = {**desk.head(source).spec, "name": "Promo (copy)"}
    assert (early.spec, early.state, early.created_by, early.copied_from) == (spec, "draft", BORIS, source)
    assert "start_at" not in late.spec
    assert (late.spec["name"], late.tags, late.copied_from) == ("Promo (copy)", ["autumn"], early.id)
    assert commands.copy(source, by=BORIS, id_=late.id).id == late.id
    with pytest.raises(NotFoundError):
        commands.copy(source, by=BORIS, sight=Sight("shop"))


def test_a_draft_that_never_ran_is_deleted_and_nothing_else(desk: Desk, viewers: Viewers) -> None:
    viewers(1)
    commands = Stage.own().desk_commands
    gone, ran = draft(desk, "Gone"), desk.start()
    Stage.own().desk_commands.delete_draft(gone)
    commands.delete_draft(gone)
    assert [row.part for row in CampaignRow.query(gone, attributes_to_get=["id", "part"])] == ["gone"]
    with pytest.raises(NotFoundError):
        commands.delete_draft("nothing")
    with pytest.raises(ConflictError):
        commands.delete_draft(ran)
    assert listed() == ["Promo"]
