"""The repositories on both databases that the tests have: the twin in memory and moto. What holds on one holds on the
other; a test here asks for `database`, and for nothing of either."""

from collections.abc import Iterator

import pytest

from tests.integration.conftest import a_stage


@pytest.fixture(params=["twin", "moto"])
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty stage: every table, on this database."""
    with a_stage(monkeypatch, on_twin=request.param == "twin"):
        yield request.param
