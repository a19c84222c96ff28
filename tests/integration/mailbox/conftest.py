"""One mailbox for the tests that need nothing special of it, emptied before each."""

from collections.abc import Iterator

import pytest

from infra.local.mailbox.process import running
from tests.integration.mailbox.driver import SETS, VERIFIED_DOMAIN, Driver


@pytest.fixture(scope="session")
def shared_mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    options = ["--verified", VERIFIED_DOMAIN, *SETS]
    with running(tmp_path_factory.mktemp("mailbox"), options) as url:
        yield Driver(url)


@pytest.fixture
def mailbox(shared_mailbox: Driver) -> Driver:
    shared_mailbox.reset()
    return shared_mailbox
