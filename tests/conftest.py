"""What holds for every test: a skip is a failure where the machine is meant to have everything (`.ci/run`)."""

import os
from collections.abc import Generator

import pytest


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
