"""What steers the workers, on real tables: several instances of a class stand for several processes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from moto import mock_aws

from tests.integration.conftest import ENVIRONMENT, empty_database
from tests.processes import new_process
from tests.twin.process import twin_in_place

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
    """The tables of a stage, and nothing else of it."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with mock_aws(), twin_in_place(empty_database()):
        new_process()
        yield
    new_process()
