"""Messages a second: counted where they leave for SQS, while all publishers of a campaign work at the same time. Time
is simulated: each shard is a process of its own, and each of its messages is worked off at the moment it is due."""

import heapq
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.campaigns import pacing as pace
from chalicelib.campaigns import run_planner as planner
from chalicelib.campaigns.fanout import Fanout
from chalicelib.campaigns.jobs import FanoutJob
from chalicelib.campaigns.model import CampaignPatch
from chalicelib.stage.app import Stage
from tests.integration.campaigns.conftest import ANNA, Desk, StandingClock, Viewers
from tests.processes import compose

VIEWERS = 40
CHUNK = 2
SHARDS = 3
RATE = SHARDS * CHUNK  # letters a second
BUDGET = timedelta(seconds=2)  # so long a process may go on with what it knows


class Publishers:
    """The processes of the worker `fanout`, and what they wrote when."""

    def __init__(self, clock: StandingClock) -> None:
        self.clock = clock
        self.written: list[datetime] = []
        self.recipients: Counter[str] = Counter()
        self._jobs: list[tuple[datetime, int, str]] = []
        self._processes: dict[tuple[str, str], Fanout] = {}
        events = Stage.own().sqs.meta.events
        events.register("before-parameter-build.sqs.SendMessageBatch", self._note)

    def work(self, until: datetime | None = None) -> None:
        """Until nothing is left to do, or up to a moment."""
        while self._jobs and (until is None or self._jobs[0][0] < until):
            self.clock.at, _, body = heapq.heappop(self._jobs)
            job = FanoutJob.model_validate_json(body)
            process = self._processes.setdefault((job.scheduled_at, job.shard), Stage(**Stage.own().given).fanout)
            process.take(job)

    def peak(self, since: datetime | None = None) -> int:
        """The most messages within any second."""
        seen = [at for at in self.written if since is None or at >= since]
        second = timedelta(seconds=1, microseconds=-50)  # a moment is rounded to microseconds
        return max(sum(at <= other < at + second for other in seen) for at in seen)

    def _note(self, params: dict[str, Any], **_: Any) -> None:
        for entry in params["Entries"]:
            if params["QueueUrl"].endswith("-fanout"):
                due = self.clock.at + timedelta(seconds=entry["DelaySeconds"])
                heapq.heappush(self._jobs, (due, len(self._jobs), entry["MessageBody"]))
            else:
                self.written.append(self.clock.at)
                self.recipients.update(r["user_id"] for r in json.loads(entry["MessageBody"])["recipients"])


@pytest.fixture
def publishers(desk: Desk, viewers: Viewers, clock: StandingClock, monkeypatch: pytest.MonkeyPatch) -> Publishers:
    """Nothing has been started yet."""
    monkeypatch.setattr(pace, "CHUNK_SIZE", CHUNK)
    monkeypatch.setattr(planner, "shard_count", lambda *_, **__: SHARDS)  # however few there are to write to
    compose(sleep=lambda s: clock.pass_(seconds=s), monotonic=lambda: clock.at.timestamp(), sqs=Stage.own().sqs)
    viewers(VIEWERS)
    return Publishers(clock)


@pytest.mark.parametrize("per_second", [0.5, 2, 25])
def test_all_shards_together_keep_the_pace_and_use_it(
    desk: Desk, clock: StandingClock, publishers: Publishers, per_second: float
) -> None:
    began = clock.at
    desk.start(rate_per_second=RATE, publish_per_second=per_second)

    publishers.work()

    assert publishers.recipients == Counter({f"u-{n:05}": 1 for n in range(VIEWERS)})
    assert publishers.peak() <= max(1, per_second)
    needed = len(publishers.written) / per_second
    assert max(publishers.written) - began <= timedelta(seconds=1.5 * needed + 10)


def test_runs_that_were_missed_share_one_pace(desk: Desk, clock: StandingClock, publishers: Publishers) -> None:
    weekly = {"schedule": {"every": "week", "on": "friday", "at": "18:00"}, "timezone": "Europe/Moscow"}
    desk.start(rate_per_second=RATE, publish_per_second=5, misfire="all", **weekly)
    clock.at = datetime(2026, 3, 23, 12, 0, tzinfo=UTC)  # Fridays 6, 13 and 20 March have passed
    desk.tick()

    publishers.work()

    assert publishers.recipients == Counter({f"u-{n:05}": 3 for n in range(VIEWERS)})
    assert publishers.peak() <= 5


def test_a_pace_that_is_lowered_holds_for_what_is_still_to_be_written(
    desk: Desk, clock: StandingClock, publishers: Publishers
) -> None:
    began = clock.at
    campaign_id = desk.start(rate_per_second=RATE, publish_per_second=4)
    changed_at = began + timedelta(seconds=3)
    publishers.work(until=changed_at)
    assert 0 < len(publishers.written) < VIEWERS / CHUNK

    slower = CampaignPatch.model_validate({"publish_per_second": 1})
    Stage.own().campaign_commands.edit(campaign_id, slower, by=ANNA)
    publishers.work()

    assert publishers.recipients.total() == VIEWERS
    assert publishers.peak(since=changed_at + BUDGET) == 1
