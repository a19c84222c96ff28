"""What is put aside comes back when its time has come, and never sooner than a second."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.clock import parse_rfc3339
from chalicelib.flow.queues import Outgoing
from chalicelib.pipeline.jobs import EnrichJob, EnrichRecipient, LetterSpec
from chalicelib.pipeline.retry import MIN_WAIT_SECONDS, Retries, RetryJob

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


class Queue:
    """Keeps what is put."""

    def __init__(self) -> None:
        self.put_aside: list[Outgoing] = []

    def put(self, queue: str, messages: Sequence[Outgoing]) -> None:
        assert queue == "retry"
        self.put_aside += messages


def job() -> EnrichJob:
    letter = LetterSpec(
        template="promo",
        template_version=1,
        category="marketing",
        lane="instant",
        context={},
        request_id="r-1",
        accepted_at="2026-11-28T12:00:00.000000Z",
    )
    return EnrichJob(letter=letter, channels=("email",), recipients=(EnrichRecipient(notification_id="n-1"),))


@pytest.mark.parametrize("seconds", [-3600.0, -0.001, 0.0, 0.4, 1.0, 7200.0])
def test_no_wait_is_shorter_than_a_second(seconds: float) -> None:
    """Promise F1: a moment that has passed, or is about to, is waited for a second."""
    queue = Queue()
    retries = Retries(queues=queue, clock=lambda: NOON, jitter=lambda: 0.0, base_seconds=30)
    retries.until(job(), NOON + timedelta(seconds=seconds))
    retries.later(job(), in_seconds=seconds)
    for message in queue.put_aside:
        wait = parse_rfc3339(RetryJob.model_validate_json(message.body).not_before) - NOON
        assert wait.total_seconds() == max(MIN_WAIT_SECONDS, seconds)
        assert message.delay_seconds >= MIN_WAIT_SECONDS
