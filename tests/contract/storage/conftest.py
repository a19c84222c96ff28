"""The repositories on the databases that the tests have: the twin in memory, alone or with others' transactions under
way, and moto. What holds on one holds on the others; a test here asks for `database`, and for nothing of either."""

from collections.abc import Iterator

import pytest

from tests.integration.conftest import a_stage
from tests.twin.conflicts import conflicts


@pytest.fixture(params=["twin", "busy twin", "moto"])
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty stage: every table, on this database."""
    with a_stage(monkeypatch, on_twin=request.param != "moto"):
        if request.param != "busy twin":
            yield request.param
            return
        with conflicts(seed=request.node.name, in_a_row=2):
            yield request.param
