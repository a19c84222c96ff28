"""What steers the workers, on real tables: several instances of a class stand for several processes."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber

from chalicelib.storage.rows import flow as control
from tests.integration.conftest import ENVIRONMENT, new_process

START = 1_795_000_000.0


@dataclass
class HandClock:
    """A clock that stands until it is moved."""

    seconds: float = START

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)


@pytest.fixture
def clock() -> HandClock:
    """The time of every process of a test."""
    return HandClock()


@pytest.fixture
def steering(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The tables that steer the workers, and nothing else of a stage."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        new_process()
        for table in (control.SwitchRow, control.ConsumerRow, control.LimitRow):
            table.create_table(billing_mode="PAY_PER_REQUEST")
        yield
    new_process()


@pytest.fixture
def one_request_at_a_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """DynamoDB checks a condition and writes in one step; moto does so only while no other thread runs."""
    lock, answer = threading.Lock(), BotocoreStubber.__call__

    def locked(self: BotocoreStubber, *args: Any, **kwargs: Any) -> Any:
        with lock:
            return answer(self, *args, **kwargs)

    monkeypatch.setattr(BotocoreStubber, "__call__", locked)
    yield
