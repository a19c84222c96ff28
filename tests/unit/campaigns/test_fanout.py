"""The rules of the fan-out, on the twin: what is planned, when it leaves, and who may go on with it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any, cast

import pytest

from chalicelib.campaigns.audience_sources import Sources
from chalicelib.campaigns.fanout import Fanout
from chalicelib.campaigns.held_chunks import user_recipient
from chalicelib.campaigns.jobs import FanoutJob
from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.pacing import Publisher
from chalicelib.campaigns.targets import Target, TargetPage
from chalicelib.deliveries import run_id
from chalicelib.flow.queues import JobQueue, Outgoing
from chalicelib.pipeline.jobs import EnrichJob, LetterSpec
from chalicelib.schemas import kept, received
from chalicelib.states import HELD, CampaignState
from chalicelib.storage.campaigns import Campaigns
from chalicelib.storage.held_chunks import HeldChunks
from chalicelib.storage.rate_limits import Grant
from chalicelib.storage.runs import Run, Runs
from chalicelib.storage.shards import Shard, Shards, audience_shard, parked_shard
from tests.integration.conftest import a_stage

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
AT = "2026-03-02T10:00:00Z"
LETTER = LetterSpec(
    template="promo",
    template_version=1,
    layout=None,
    category="promo",
    lane="bulk",
    context={},
    request_id="r-1",
    accepted_at=AT,
)


@pytest.fixture(autouse=True)
def _twin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with a_stage(monkeypatch):
        yield


class Queue:
    """Keeps what was put."""

    def __init__(self) -> None:
        self.put_in: list[tuple[str, Outgoing]] = []

    def put(self, queue: str, messages: Sequence[Outgoing]) -> None:
        self.put_in += [(queue, message) for message in messages]

    def recipients(self) -> list[str]:
        """Of the jobs for `enrich-bulk`."""
        jobs = [received(EnrichJob, message.body) for queue, message in self.put_in if queue == "enrich-bulk"]
        return [one.user_id or "" for job in jobs for one in job.recipients]


class Audience:
    """Users in pages of four; their zones by id."""

    def __init__(self, users: int, zones: Mapping[int, str]) -> None:
        self._users = range(users)
        self._zones = zones

    def of(self, run: Run, spec: Campaign, *, scheduled: datetime) -> "Audience":
        return self

    def page(self, *, shard: int, shards: int, cursor: dict[str, Any] | None, limit: int) -> TargetPage:
        start = cursor["at"] if cursor else 0
        users = self._users[start : start + 4]
        targets = [Target(user_recipient("run", f"u-{n}"), self._zones.get(n)) for n in users]
        return TargetPage(targets, {"at": start + 4} if start + 4 < len(self._users) else None)


class Turns:
    """Nobody waits for a turn."""

    def take(self, name: str, units: int, *, share: float, max_wait_seconds: float) -> Grant:
        return Grant(units, 0.0)


class Rig:
    """One campaign whose run is open, and a fan-out that makes one step a message."""

    def __init__(self, users: int = 4, *, zones: Mapping[int, str] | None = None, **fields: Any) -> None:
        given = {"name": "Promo", "template": "promo", "audience": {"everyone": True}, "rate_per_second": 100, **fields}
        spec = Campaign.model_validate(given)
        self.queue, self.campaigns = Queue(), Campaigns(clock=lambda: NOW)
        self.shards, self.held = (
            Shards(clock=lambda: NOW, retention_days=1),
            HeldChunks(clock=lambda: NOW, retention_days=1),
        )
        head = self.campaigns.add(kept(spec), paces=spec.paces, by="anna")
        self.run = Run(
            head.id,
            AT,
            run_id=run_id(head.id, AT),
            version=1,
            spec=kept(spec),
            letter=kept(LETTER),
            channels=["email"],
            shards=1,
            created_at=AT,
        )
        runs = Runs()
        assert runs.add(head, self.run)
        self.shards.add(self.run.run_id, audience=1)
        seconds = count(step=10)
        queue = cast(JobQueue, self.queue)
        self.fanout = Fanout(
            campaigns=self.campaigns,
            runs=runs,
            shards=self.shards,
            held=self.held,
            sources=cast(Sources, Audience(users, zones or {})),
            publisher=Publisher(queue, turns=Turns(), sleep=lambda _: None, clock=lambda: 0.0),
            queues=queue,
            clock=lambda: NOW,
            monotonic=lambda: float(next(seconds)),
            default_zone="UTC",
        )

    def shard(self, name: str = audience_shard(0)) -> Shard:
        found = self.shards.get(self.run.run_id, name)
        assert found is not None
        return found

    def step(self, *, at: int | None = None, shard: str = audience_shard(0)) -> str:
        """One message for a shard at its step, or at another one."""
        step = self.shard(shard).step if at is None else at
        return self.fanout.take(FanoutJob(campaign_id=self.run.campaign_id, scheduled_at=AT, shard=shard, step=step))

    def waiting(self) -> Counter[str]:
        """How many people wait, by the kind of their slot."""
        slots: Counter[str] = Counter()
        for place in range(4):
            for item in self.held.due(self.run.run_id, place, now=NOW, rest_released=True, cancelled=True, limit=99):
                slots[item.slot.partition("#")[0]] += (item.stored or "").count("notification_id")
        return slots


def test_a_page_is_planned_before_it_is_published_and_published_from_the_plan() -> None:
    rig = Rig(users=6)
    assert rig.step() == "continued"
    planned = rig.shard()
    assert (planned.targeted, planned.exhausted, bool(planned.pending)) == (4, False, True)
    assert rig.queue.recipients() == []
    assert [rig.step(), rig.step()] == ["continued", "done"]
    assert rig.queue.recipients() == [f"u-{n}" for n in range(6)]
    assert (rig.shard().targeted, rig.shard().pending) == (6, None)


def test_a_step_that_another_message_has_taken_is_stale() -> None:
    rig = Rig()
    rig.step()
    assert [rig.step(at=0), rig.step(at=7)] == ["stale", "stale"]
    assert rig.queue.recipients() == []


@pytest.mark.parametrize("state", HELD)
def test_a_campaign_that_is_held_publishes_nothing(state: CampaignState) -> None:
    rig = Rig()
    rig.campaigns.enter(rig.campaigns.get(rig.run.campaign_id), state, only_from=[CampaignState.DRAFT], by="anna")
    assert rig.step() == "paused"
    assert rig.shard().step == 0


def test_a_cancelled_campaign_plans_no_further_page() -> None:
    rig = Rig(users=8)
    rig.step()
    head = rig.campaigns.get(rig.run.campaign_id)
    rig.campaigns.enter(head, CampaignState.CANCELLED, only_from=[CampaignState.DRAFT], by="anna")
    assert rig.step() == "done"
    assert rig.shard().targeted == 4


def test_a_canary_is_an_exact_share_and_the_rest_waits_for_its_release() -> None:
    rig = Rig(users=10, canary_percent=30)
    while rig.step() != "done":
        pass
    assert rig.queue.recipients() == ["u-0", "u-1", "u-4"]
    assert rig.waiting() == {"canary": 7}


def test_each_recipient_waits_for_their_own_hour() -> None:
    zones = {0: "Pacific/Kiritimati", 1: "Europe/Moscow", 2: "America/New_York"}
    rig = Rig(users=3, zones=zones, timezone="recipient", start_at="2026-03-02T10:00:00Z")
    while rig.step() != "done":
        pass
    assert rig.queue.recipients() == ["u-0"]  # where the day begins first
    assert rig.waiting() == {"at": 2}


def test_chunks_that_waited_go_on_and_are_forgotten() -> None:
    rig = Rig(users=4, canary_percent=50)
    while rig.step() != "done":
        pass
    assert Runs().release_canary(rig.run, at=AT) is not None
    idle = [parked_shard(n) for n in range(4)]
    assert [rig.step(shard=name) for name in idle] == ["stale"] * 4
    for name in idle:
        assert rig.shards.wake(rig.run.run_id, name) is not None
        while rig.step(shard=name) != "done":
            pass
    assert sorted(rig.queue.recipients()) == [f"u-{n}" for n in range(4)]
    assert rig.waiting() == {}
