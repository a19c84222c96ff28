"""Campaigns, runs and their shards: who is first writes, and whoever comes later is told."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.deliveries import run_id
from chalicelib.errors import ConflictError, InvalidError, NotFoundError
from chalicelib.service_scope import Sight
from chalicelib.states import CampaignState as S
from chalicelib.states import RunOutcome
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.campaigns import MAX_EVENTS, Campaigns
from chalicelib.storage.run_progress import read_counts
from chalicelib.storage.runs import PlannedRun, Run, Runs
from chalicelib.storage.shards import PARKED_PLACES, Shards, audience_shard, parked_shard

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
NAME = "2026-03-02T10:00:00Z"


def campaigns(clock: Callable[[], datetime] = lambda: AT) -> Campaigns:
    return Campaigns(clock=clock)


def drafted(name: str = "Promo", *, service: str | None = None) -> CampaignHead:
    return campaigns().add({"name": name}, paces=(50, 100), by="anna", service=service)


def run_of(head: CampaignHead, at: str = NAME, *, shards: int = 2) -> Run:
    return Run(
        head.id,
        at,
        run_id=run_id(head.id, at),
        version=head.version,
        spec=head.spec,
        letter={"template": "promo"},
        channels=["email"],
        shards=shards,
        created_at=NAME,
    )


@pytest.fixture
def shards() -> Shards:
    return Shards(clock=lambda: AT, retention_days=1)


def test_a_campaign_is_read_as_it_was_added_and_by_who_may_see_it(database: str) -> None:
    head = drafted(service="shop")
    assert campaigns().get(head.id, sight=Sight(service="shop")) == head
    assert (head.state, head.version, head.rate_per_second, head.open_runs) == ("draft", 1, 50, frozenset())
    with pytest.raises(NotFoundError):
        campaigns().get(head.id, sight=Sight(service="player"))
    assert campaigns().add({"name": "Other"}, paces=(1, 1), by="boris", id_=head.id) == head


def test_a_move_is_made_from_the_states_that_allow_it_and_is_noted(database: str) -> None:
    head = drafted()
    waiting = campaigns().enter(
        head,
        S.SCHEDULED,
        only_from=[S.DRAFT],
        by="anna",
        note="now",
        changes={"due": True, "next_run_at": NAME},
    )
    assert (waiting.state, waiting.next_run_at) == ("scheduled", NAME)
    assert [event["event"] for event in waiting.events()] == ["draft", "scheduled"]
    assert (waiting.told("scheduled"), waiting.told("paused")) == ("now", None)
    assert campaigns().due(NAME) == [head.id]
    with pytest.raises(ConflictError):
        campaigns().enter(head, S.SCHEDULED, only_from=[S.DRAFT], by="boris")

    campaigns().plan_next(waiting, None)
    assert campaigns().due("2027") == []
    assert campaigns().get(head.id).state == "completed"


def test_a_timeline_keeps_its_newest_entries(database: str) -> None:
    head = drafted()
    for n in range(MAX_EVENTS + 2):
        head = campaigns().enter(head, None, only_from=[S.DRAFT], by="anna", event=f"e{n}")
    assert [event["event"] for event in head.events()][-2:] == [f"e{MAX_EVENTS}", f"e{MAX_EVENTS + 1}"]
    assert len(head.timeline) == MAX_EVENTS


def test_an_edit_is_a_version_more_or_nothing(database: str) -> None:
    head = drafted()
    edited = campaigns().edit(
        head, {"name": "New"}, paces=(1, 2), by="boris", hands=frozenset({"cleo"}), changes={"approved_by": "dora"}
    )
    assert (edited.version, edited.spec, edited.publish_per_second, edited.approved_by) == (
        2,
        {"name": "New"},
        2,
        "dora",
    )
    with pytest.raises(ConflictError):
        campaigns().edit(head, {"name": "Late"}, paces=(1, 1), by="dora", changes={})
    assert [one.spec["name"] for one in campaigns().versions(head.id)] == ["Promo", "New"]
    assert campaigns().version(head.id, 1).updated_by == "anna"
    assert campaigns().authors(edited) == {"anna", "boris", "cleo"}


def test_pages_go_on_where_their_cursor_says(database: str) -> None:
    moments = iter([AT + timedelta(seconds=n) for n in range(3)])
    store = campaigns(lambda: next(moments))
    made = [store.add({"n": n}, paces=(1, 1), by="anna").id for n in range(3)]
    first, cursor = campaigns().page(limit=2, cursor=None)
    rest, end = campaigns().page(limit=2, cursor=cursor)
    assert [one.id for one in (*first, *rest)] == made[::-1]
    assert end is None
    with pytest.raises(InvalidError):
        campaigns().page(limit=2, cursor="bm9uZQ")


def test_refusals_are_counted_up_to_a_bound_and_begin_anew(database: str) -> None:
    head = drafted()
    assert [campaigns().add_refusals(head.id, 3, 5) for _ in range(3)] == [3, 6, None]
    campaigns().reset_refusals(head.id)
    assert campaigns().add_refusals(head.id, 1, 5) == 1
    assert campaigns().add_refusals("nobody", 1, 5) is None


def test_a_run_is_opened_once_and_closed_once(database: str) -> None:
    runs, head = Runs(), drafted()
    run = run_of(head)
    assert [runs.add(head, run), runs.add(head, run)] == [True, False]
    assert runs.get(head.id, NAME) == run._replace(opened=True)
    assert runs.unfinished() == [(head.id, NAME)]
    assert runs.recipients(head.id) == [(run.run_id, True)]

    head = runs.note_open(campaigns().enter(head, S.SCHEDULED, only_from=[S.DRAFT], by="anna"), run)
    assert (head.state, head.open_runs, PlannedRun.newest(head)) == ("running", {NAME}, PlannedRun.of(run))
    assert runs.release_canary(run, at=NAME) is not None
    assert runs.release_canary(run, at=NAME) is None
    assert runs.note(run, [[NAME, 1, 0, 0, 0]], {"sent": 1}, {})

    runs.note_finished(head, run, targeted=4)
    assert runs.close(run, outcome=RunOutcome.COMPLETED, at=NAME, targeted=4, recount_at=NAME)
    assert not runs.note(run, [], {}, {})
    [closed] = runs.of(head.id)
    assert (closed.opened, closed.outcome, closed.targeted) == (False, "completed", 4)
    after = campaigns().get(head.id)
    assert (after.state, after.open_runs, (after.newest_run or {})["targeted"]) == ("completed", frozenset(), 4)
    assert runs.unfinished() == []


def test_a_run_of_what_was_edited_meanwhile_is_not_opened(database: str) -> None:
    head = drafted()
    campaigns().edit(head, {"name": "New"}, paces=(1, 1), by="anna", changes={})
    assert not Runs().add(head, run_of(head))
    assert Runs().of(head.id) == []


def test_a_resend_takes_a_campaign_of_which_no_run_is_open(database: str) -> None:
    head = campaigns().enter(drafted(), S.RUNNING, only_from=[S.DRAFT], by="anna", opening=NAME)
    assert head.open_runs == {NAME}
    with pytest.raises(ConflictError):
        campaigns().enter(head, S.RUNNING, only_from=[S.RUNNING], by="anna", opening="2026-03-03T10:00:00Z")


def test_a_step_of_a_shard_is_made_once(database: str, shards: Shards) -> None:
    shards.add("run", audience=2)
    shards.add("run", audience=2)
    first, second, *parked = shards.of("run")
    assert [first.shard, second.shard] == [audience_shard(0), audience_shard(1)]
    assert [one.done for one in parked] == [True] * PARKED_PLACES

    saved = shards.save(first, {"pending": b"page", "targeted": 3, "cursor": {"block": 1}}, wait_seconds=2)
    assert saved is not None
    assert (saved.step, saved.pending, saved.targeted, saved.cursor) == (1, b"page", 3, {"block": 1})
    assert saved.resume_at == AT.timestamp() + 2
    assert shards.save(first, {}, wait_seconds=0) is None
    done = shards.save(saved, {"pending": None, "done": True}, wait_seconds=0)
    assert done is not None
    assert done.pending is None
    assert shards.save(done, {}, wait_seconds=0) is None
    assert read_counts([PlannedRun("run", NAME, shards=2, channels=2)])[0].targeted == 6


def test_an_idle_shard_is_woken_by_one(database: str, shards: Shards) -> None:
    shards.add("run", audience=1)
    woken = shards.wake("run", parked_shard(0))
    assert woken is not None
    assert (woken.step, woken.done) == (1, False)
    assert shards.wake("run", parked_shard(0)) is None
    shards.end("run", parked_shard(0))
    ended = shards.get("run", parked_shard(0))
    assert ended is not None
    assert ended.done
