"""The API on an empty stage."""

import pytest

from tests.integration.api.gateway import Gateway, gateway


@pytest.fixture
def api(stage: None) -> Gateway:
    """The API, called by a service that may do everything."""
    return gateway()
