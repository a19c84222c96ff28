"""The rules of the pipeline with tables in memory, and a queue that keeps what it is given."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.channels.port import Message
from chalicelib.deliveries import DeliveryKey
from chalicelib.flow.queues import Outgoing
from chalicelib.pipeline.claims import Claims
from chalicelib.pipeline.compose import Letter
from chalicelib.pipeline.fallback import Fallback
from chalicelib.pipeline.jobs import DeliverJob, DeliverRecipient, EnrichJob, LetterSpec
from chalicelib.pipeline.letter_parts import LetterRoute
from chalicelib.pipeline.reconcile import Reconcile
from chalicelib.pipeline.retry import Retries, RetryJob
from chalicelib.storage.deliveries import Delivery
from chalicelib.storage.ledger import Ledger
from tests.integration.conftest import a_stage

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
IDS = [f"{n:08x}-0000-4000-8000-000000000001" for n in range(3)]


@dataclass
class Parts:
    """The parts that work on deliveries, at one moment that a test may move."""

    at: datetime = NOON
    queued: list[tuple[str, Outgoing]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ledger = Ledger(clock=self.clock, retention_days=90)
        self.retries = Retries(queues=self, clock=self.clock, jitter=lambda: 0.0, base_seconds=30)
        self.fallback = Fallback(ledger=self.ledger, retries=self.retries, clock=self.clock)
        self.claims = Claims(
            ledger=self.ledger,
            retries=self.retries,
            fallback=self.fallback,
            clock=self.clock,
            lease=timedelta(minutes=2),
            grace=timedelta(minutes=1),
            max_attempts=3,
        )
        self.reconcile = Reconcile(ledger=self.ledger, retries=self.retries, clock=self.clock, reconcile_seconds=60)

    def clock(self) -> datetime:
        return self.at

    def put(self, queue: str, messages: Sequence[Outgoing]) -> None:
        self.queued += [(queue, one) for one in messages]

    def aside(self) -> list[RetryJob]:
        """What was put aside since it was last asked."""
        found = [RetryJob.model_validate_json(one.body) for queue, one in self.queued if queue == "retry"]
        self.queued.clear()
        return found

    def following(self) -> list[EnrichJob]:
        """The jobs that go back to `enrich`."""
        return [EnrichJob.model_validate_json(one.body) for one in self.aside() if one.queue.startswith("enrich")]

    def of(self, n: int, channel: str = "push") -> Delivery:
        found = self.ledger.read(DeliveryKey(IDS[n], channel))
        assert found is not None
        return found


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Parts]:
    """The parts on an empty stage."""
    with a_stage(monkeypatch):
        yield Parts()


def job(
    *, mode: str = "first", category: str = "marketing", attempt: int = 1, people: int = 1, channel: str = "push"
) -> DeliverJob:
    """Push first and e-mail behind it, or vice versa."""
    letter = LetterSpec(
        template="promo",
        template_version=1,
        category=category,
        lane="instant",
        context={},
        request_id="r-1",
        accepted_at="2026-11-28T12:00:00.000000Z",
        route=LetterRoute.model_validate({"mode": mode, "after_minutes": 30, "rule": "route"}),
    )
    recipients = tuple(
        DeliverRecipient(notification_id=one, user_id="anna", address="anna", locale="en", user={})
        for one in IDS[:people]
    )
    then = ("email",) if channel == "push" else ("push",)
    return DeliverJob(letter=letter, channel=channel, recipients=recipients, then=then, attempt=attempt)


def letters(job: DeliverJob) -> list[Letter]:
    """What was rendered of a job."""
    keys = [DeliveryKey(one.notification_id, job.channel) for one in job.recipients]
    return [
        Letter(one, key, Message(key.id, one.address, parts={}, headers={}, tags={}, transactional=False), [])
        for one, key in zip(job.recipients, keys, strict=True)
    ]
