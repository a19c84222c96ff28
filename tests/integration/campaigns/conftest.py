"""A cinema with viewers, a clock that stands still until it is moved, and a desk to run campaigns from."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.campaigns import pacing as pace
from chalicelib.campaigns.list_loader import ListLoader
from chalicelib.campaigns.list_uploads import StoredFile, Uploads
from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.progress import Progress, read_progress
from chalicelib.channels.port import Message, Outcome, Verdict
from chalicelib.profiles.model import User
from chalicelib.stage.app import Stage
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.rows.campaigns import HEAD_PART, CampaignRow, RunRow
from chalicelib.storage.runs import Run
from functions import tick
from tests.integration.conftest import WORKERS, Pump
from tests.ledgers import deliveries_of_run
from tests.processes import compose

CONTEXT = {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"}
FAST = {"rate_per_second": 10_000, "publish_per_second": 10_000}
ANNA, BORIS = "anna", "boris"  # two managers


class StandingClock:
    """The present, as long as the test wants it to be."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def pass_(self, **time: float) -> None:
        """Lets time pass."""
        self.at += timedelta(**time)


@pytest.fixture
def clock(stage: None, monkeypatch: pytest.MonkeyPatch) -> StandingClock:
    """The stage's clock."""
    # In the past: SQS keeps its own time, and nothing here may wait for it.
    standing = StandingClock(datetime(2026, 3, 2, 10, 0, tzinfo=UTC))
    compose(clock=standing, sleep=lambda _: None)  # nor would time pass by waiting
    return standing


class PostOffice:
    """A provider of letters: takes all, but does as it is told with some addresses. (moto has no SendBulkEmail.)"""

    name = "email"
    batch_size = 50

    def __init__(self) -> None:
        self.letters: list[Message] = []
        self.verdicts: dict[str, Outcome] = {}

    @property
    def addresses(self) -> list[str]:
        """Of the letters that it took."""
        return [letter.address for letter in self.letters]

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """See `Channel`."""
        outcomes = [
            self.verdicts.get(m.address, Outcome(Verdict.ACCEPTED, provider_id=m.delivery_id)) for m in messages
        ]
        for message, outcome in zip(messages, outcomes, strict=True):
            if outcome.verdict is Verdict.ACCEPTED:
                self.letters.append(message)
        return outcomes


@pytest.fixture
def office(stage: None, monkeypatch: pytest.MonkeyPatch) -> PostOffice:
    """The provider behind the channel `email`."""
    office = PostOffice()
    compose(channels={"email": office})
    return office


class OneFile(Uploads):
    """The bucket of uploads, which moto has none of here."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.refused_lines = b""

    def file(self, list_id: str) -> StoredFile:
        """The same file for every list."""
        return StoredFile([self._content], len(self._content))

    def put_refused(self, list_id: str, lines: bytes) -> None:
        """Keeps them here."""
        self.refused_lines = lines


def head_row(campaign_id: str) -> CampaignRow:
    """A campaign as it is stored."""
    return CampaignRow.get(campaign_id, HEAD_PART)


def run_row(run: Run) -> RunRow:
    """A run as it is stored."""
    return RunRow.get(run.campaign_id, run.scheduled_at)


class NoEventSources:
    """Lambda, where the pump alone calls workers."""

    exceptions = SimpleNamespace(ResourceNotFoundException=LookupError)

    def list_event_source_mappings(self, *, FunctionName: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        return {"EventSourceMappings": []}


@pytest.fixture(autouse=True)
def no_event_sources(request: pytest.FixtureRequest) -> None:
    """Each minute looks at them twenty times, and finds none here."""
    if "stage" in request.fixturenames:
        request.getfixturevalue("stage")
        compose(aws_lambda=NoEventSources())


class Desk:
    """Runs campaigns the way managers and the generator do."""

    def __init__(self, pump: Pump, clock: StandingClock) -> None:
        self.pump = pump
        self.clock = clock

    def spec(self, **fields: Any) -> Campaign:
        """A campaign to everyone, fast, unless told otherwise."""
        given = {"name": "Promo", "template": "promo", "audience": {"everyone": True}, "context": CONTEXT, **FAST}
        return Campaign.model_validate({**given, **fields})

    def start(self, **fields: Any) -> str:
        """A started campaign's id."""
        campaign_id = Stage.own().campaign_commands.draft(self.spec(**fields), by=ANNA).id
        Stage.own().campaign_commands.start(campaign_id, by=ANNA)
        return campaign_id

    def two_canaries(self) -> str:
        """A daily campaign whose first part has gone on two days; nobody has decided about either."""
        campaign_id = self.start(canary_percent=10, schedule={"every": "day", "at": "12:00"}, timezone="UTC")
        for _ in range(2):
            self.clock.pass_(days=1)
            self.tick()
            self.finish()
        return campaign_id

    def load_list(self, content: bytes) -> str:
        """The id of an uploaded list that was read."""
        lists = Stage.own().lists
        list_id = lists.add("Guests", by=ANNA).list_id
        assert ListLoader(lists=lists, uploads=OneFile(content)).load(list_id) == "ready"
        return list_id

    def forget_states(self) -> None:
        """Lets the second pass for which workers remember a campaign's state."""
        compose()

    def tick(self) -> None:
        """One minute's work."""
        tick.handler({}, None)

    def pass_(self, *, minutes: float) -> None:
        """Time passes for SQS too: failed messages come back, delayed ones are there."""
        self.pump.return_failed()
        self._let_wait(60 * minutes)
        self.clock.pass_(minutes=minutes)

    def finish(self) -> None:
        """Works everything off and lets the generator see it."""
        for _ in range(10):
            assert self.pump.run() == []
            self.tick()
            if not any(map(self.pump.waiting, WORKERS)):
                break
            # A chunk waits for its campaign's turn: by SQS's delay, and by the standing clock.
            self._let_wait(1.1)
            self.clock.pass_(seconds=2)
            self.pump.run("retry")
        assert self.pump.run() == []

    def _let_wait(self, seconds: float) -> None:
        for queue in WORKERS:
            self.pump.pass_(queue, seconds=seconds)

    def head(self, campaign_id: str) -> CampaignHead:
        return Stage.own().campaigns.get(campaign_id)

    def runs(self, campaign_id: str) -> list[Run]:
        return Stage.own().runs.of(campaign_id)

    def progress(self, campaign_id: str) -> Progress:
        return read_progress(self.runs(campaign_id)[0])

    def ledger(self, run: Run) -> Counter[str]:
        """The ledger's own count of a run's deliveries, by status."""
        return Counter(one.status for one in deliveries_of_run(run.run_id))


@pytest.fixture
def desk(pump: Pump, clock: StandingClock, office: PostOffice, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """The control desk. A few viewers are worth several shards here, and SES allows more than any campaign asks for."""
    monkeypatch.setattr(pace, "USERS_A_SHARD", 1)
    Stage.own().limiter.set_rate("ses.bulk", 1_000)
    yield Desk(pump, clock)


Viewers = Callable[..., list[str]]


@pytest.fixture
def viewers(clock: StandingClock) -> Viewers:
    """Puts viewers into the directory; the fields of the n-th may depend on n."""

    def put(count: int, fields: Callable[[int], dict[str, Any]] = lambda _: {}) -> list[str]:
        ids = [f"u-{n:05}" for n in range(count)]
        users = [
            User.model_validate({"id": one, "email": f"{one}@example.com", "name": f"Viewer {n}", **fields(n)})
            for n, one in enumerate(ids)
        ]
        for start in range(0, count, 100):
            Stage.own().directory.put_many(users[start : start + 100])
        return ids

    return put
