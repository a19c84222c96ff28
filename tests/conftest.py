"""What holds for every test: a skip is a failure where the machine is meant to have everything (`.ci/run`)."""

import os
from collections.abc import Generator, Iterator
from functools import cache
from threading import RLock
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader
from hypothesis import HealthCheck, settings
from moto.core.botocore_stubber import BotocoreStubber

from tests.twin.process import install

# How long an example takes says what else the machine does, and nothing of our code.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def service_models_are_read_once() -> Iterator[None]:
    """moto begins every test with a session of its own, and botocore would read its models anew for each: half of the
    time of a test on moto."""
    read = JSONFileLoader.load_file

    @cache
    def model(path: str) -> Any:
        return read(JSONFileLoader(), path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _self, path: model(path))
        yield


@pytest.fixture(scope="session", autouse=True)
def moto_answers_one_request_at_a_time() -> Iterator[None]:
    """moto copies whole tables before a transaction and puts the copies back after a refused one: beside another
    thread's write the copying fails, or the write is undone."""
    answer = BotocoreStubber.process_request
    lock = RLock()

    def in_turn(self: BotocoreStubber, request: Any) -> Any:
        with lock:
            return answer(self, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BotocoreStubber, "process_request", in_turn)
        install(patch)
        yield


@pytest.fixture
def own_environment() -> Iterator[None]:
    """What commands and tools put into the environment ends with the test."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With VESTNIK_NO_SKIPS set a skipped test fails and says why it would have been skipped."""
    report = yield
    if os.environ.get("VESTNIK_NO_SKIPS") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and nothing may be here: {report.longrepr}"
    return report
