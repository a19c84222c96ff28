"""One poisonous viewer, row of a list, parked chunk or campaign among good ones: it ends by itself."""

import json
import zlib
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.campaigns.list_file import ListFile
from chalicelib.campaigns.list_report import ListReport
from chalicelib.clock import new_id
from chalicelib.profiles.model import User
from chalicelib.stage.app import Stage
from chalicelib.storage.recipient_lists import block_part
from chalicelib.storage.rows.campaign_parts import ParkedRow, ShardRow
from chalicelib.storage.rows.campaigns import CampaignRow, ListRow, RunRow
from chalicelib.storage.rows.people import UserRow
from tests.integration.campaigns.conftest import ANNA, Desk, PostOffice, StandingClock, head_row, run_row
from tests.integration.pipeline.test_containment import raw_put
from tests.integration.poison import ANYTHING, ATTRIBUTE, spoil

few = settings(max_examples=2, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
some = settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def nobody_else() -> list[str]:
    """Four viewers, and no other in the directory."""
    for row in UserRow._get_connection().scan()["Items"]:
        UserRow(row["id"]["S"]).delete()
    ids = [f"u-{new_id()}" for _ in range(4)]
    Stage.own().directory.put_many([User(id=one, email=f"{one}@example.com") for one in ids])
    return ids


@given(data=st.data())
@some
def test_a_viewer_who_cannot_be_read_holds_up_no_campaign(
    desk: Desk, office: PostOffice, clock: StandingClock, data: Any
) -> None:
    """Promise I1: everybody else gets the letter once, and the run ends."""
    ids = nobody_else()
    names = ["name", "attributes", "timezone", "locale", "confirmed_email", "phone"]
    raw_put(UserRow, data.draw(spoil(UserRow.get(ids[1]).serialize(), names)))
    rule = {"all": [{"attribute": "plan", "op": "not_equals", "value": "family"}]}
    audience = data.draw(st.sampled_from([{"everyone": True}, {"rule": rule}]))
    timing = data.draw(st.sampled_from([{}, {"best_hour": True}]))
    office.letters.clear()

    campaign = desk.start(audience=audience, **timing)
    desk.finish()

    for one in ids[:1] + ids[2:]:
        assert office.addresses.count(f"{one}@example.com") == 1
    assert desk.runs(campaign)[0].outcome == "completed"


@given(value=ANYTHING, name=st.sampled_from(["email", "name", "timezone", "attributes", None]))
@some
def test_a_row_that_cannot_be_read_holds_up_no_list(
    desk: Desk, office: PostOffice, clock: StandingClock, name: str | None, value: Any
) -> None:
    """Promise I1."""
    people = [f"{new_id()}@example.com" for _ in range(4)]
    list_id = desk.load_list("\n".join(["email", *people]).encode())
    rows: list[Any] = [{"email": one} for one in people]
    rows[1] = value if name is None else {**rows[1], name: value}
    packed = zlib.compress(json.dumps(rows).encode())
    raw_put(ListRow, {**ListRow.get(list_id, block_part(0)).serialize(), "rows": {"B": packed}})
    office.letters.clear()

    campaign = desk.start(audience={"list_id": list_id})
    desk.finish()

    for n in (0, 2, 3):
        assert office.addresses.count(people[n]) == 1
    assert desk.runs(campaign)[0].outcome == "completed"


@given(value=ATTRIBUTE)
@some
def test_a_parked_chunk_that_cannot_be_read_holds_up_no_other(
    desk: Desk, office: PostOffice, clock: StandingClock, value: Any
) -> None:
    """Promise I1."""
    ids = nobody_else()
    campaign = desk.start(canary_percent=1)
    desk.pump.run()
    run = desk.runs(campaign)[0]
    parked = [row for row in ParkedRow.scan() if row.place.startswith(run.run_id)]
    assert parked
    raw_put(ParkedRow, {**parked[0].serialize(), "slot": {"S": "canary#damaged"}, "chunk": value})
    run_row(run).update(actions=[RunRow.canary_released_at.set("2026-03-02T10:00:00Z")])
    desk.tick()
    assert desk.pump.run() == []
    desk.tick()
    desk.pump.run()

    assert {address for address in office.addresses if address in {f"{one}@example.com" for one in ids}} == {
        f"{one}@example.com" for one in ids
    }
    assert not [row for row in ParkedRow._get_connection().scan()["Items"] if row["place"]["S"].startswith(run.run_id)]


@given(data=st.data())
@some
def test_a_campaign_that_cannot_be_read_holds_up_no_tick(
    desk: Desk, office: PostOffice, clock: StandingClock, data: Any
) -> None:
    """Promise I1: others begin and end meanwhile."""
    ids = nobody_else()
    office.letters.clear()
    later = (clock() + timedelta(minutes=5)).isoformat()
    bad, good = desk.start(start_at=later), desk.start(start_at=later)
    names = ["spec", "version", "state", "rate_per_second", "timeline", "updated_at"]
    raw_put(CampaignRow, data.draw(spoil(head_row(bad).serialize(), names)))
    clock.pass_(minutes=6)

    desk.tick()
    desk.finish()

    assert desk.runs(good)[0].outcome == "completed"
    assert office.addresses.count(f"{ids[0]}@example.com") >= 1
    CampaignRow(bad, "head").delete()


@given(data=st.data())
@some
def test_a_run_that_cannot_be_read_holds_up_no_other(
    desk: Desk, office: PostOffice, clock: StandingClock, data: Any
) -> None:
    """Promise I1."""
    nobody_else()
    bad, good = desk.start(), desk.start()
    run = run_row(desk.runs(bad)[0])
    shard = ShardRow.get(run.run_id, "audience#00")
    model, item, names = data.draw(
        st.sampled_from(
            [
                (RunRow, run.serialize(), ["spec", "letter", "channels", "shards", "version"]),
                (ShardRow, shard.serialize(), ["cursor", "step", "targeted", "resume_at"]),
            ]
        )
    )
    raw_put(model, data.draw(spoil(item, names)))

    for _ in range(3):
        desk.pump.run()
        desk.tick()

    assert desk.runs(good)[0].outcome == "completed"
    for row in (run, shard):
        row.delete()


@given(data=st.data())
@few
def test_a_campaign_whose_run_cannot_be_read_is_paused_and_says_so(
    desk: Desk, office: PostOffice, clock: StandingClock, data: Any
) -> None:
    """Promise I1: nothing is tried for ever, and whoever cancels it comes to its end."""
    nobody_else()
    campaign = desk.start()
    run = desk.runs(campaign)[0]
    shard = ShardRow.get(run.run_id, "audience#00").serialize()
    damaged: Any = data.draw(
        st.sampled_from(
            [
                (ShardRow, {**shard, "pending": {"B": b"nonsense"}}),
                (ShardRow, {**shard, "cursor": {"S": "{"}}),
                (ShardRow, {**shard, "step": {"S": "x"}}),
                (ShardRow, {**shard, "letters_at": {"L": []}}),
                (RunRow, {**run_row(run).serialize(), "spec": {"S": "{}"}}),
                (RunRow, {**run_row(run).serialize(), "letter": {"S": "[]"}}),
            ]
        )
    )
    raw_put(*damaged)

    for _ in range(2):
        assert desk.pump.run() == []
        clock.pass_(minutes=5)
        desk.tick()

    head = desk.head(campaign)
    assert (head.state, head.events()[-1]["event"], head.events()[-1]["note"]) == (
        "paused",
        "unreadable",
        run.scheduled_at,
    )
    Stage.own().campaign_commands.cancel(campaign, by=ANNA)
    desk.finish()
    assert not desk.head(campaign).open_runs


@given(data=st.data())
@few
def test_a_run_that_cannot_be_read_still_excludes_those_who_got_it(
    desk: Desk, office: PostOffice, clock: StandingClock, data: Any
) -> None:
    """Promise I1: who got it follows from its name alone."""
    ids = nobody_else()
    before = desk.start()
    desk.finish()
    names = ["spec", "letter", "channels", "shards", "version", "run_id"]
    raw_put(RunRow, data.draw(spoil(run_row(desk.runs(before)[0]).serialize(), names)))
    late = f"u-{new_id()}"
    Stage.own().directory.put_many([User(id=late, email=f"{late}@example.com")])
    office.letters.clear()

    campaign = desk.start(audience={"everyone": True, "exclude_campaigns": [before]})
    desk.finish()

    assert office.addresses == [f"{late}@example.com"]
    assert desk.runs(campaign)[0].outcome == "completed"
    assert len(ids) == 4


@given(bad=st.lists(st.text(max_size=40).filter(lambda text: '"' not in text), min_size=1, max_size=3))
@settings(max_examples=60)
def test_a_line_that_cannot_be_read_is_counted_and_named(bad: list[str]) -> None:
    """Promise I1: a list is read except for it."""
    good = [f"viewer-{n}@example.com" for n in range(4)]
    report = ListReport()
    rows = [f"{one},Anna" for one in good]

    text = "\n".join(["email,name", *rows[:2], *bad, *rows[2:]])
    found = list(ListFile([text.encode(errors="replace")], report).rows())

    assert set(good) <= {row["email"] for row in found}


def test_rows_of_any_size_make_blocks_that_can_be_stored(desk: Desk) -> None:
    """Promise I1: some large rows keep no list from being read."""
    noise = ["".join(chr(0x400 + (n * k * 7919) % 4000) for k in range(2000)) for n in range(400)]
    lines = [f"a{n}@example.com,{text}" for n, text in enumerate(noise)]
    list_id = desk.load_list("\n".join(["email,about", *lines]).encode())

    sizes = [len(row.rows or b"") for row in ListRow.query(list_id, ListRow.part.startswith("block#"))]
    assert max(sizes) < 400_000
    assert len(sizes) > 1
