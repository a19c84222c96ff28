"""One mailbox for the tests that need nothing special of it, emptied before each."""

from collections.abc import Iterator

import pytest

from pretended import SETS, VERIFIED_DOMAIN, client
from ses_mailbox.client import MailboxClient
from ses_mailbox.process import running


@pytest.fixture(scope="session")
def shared_mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailboxClient]:
    options = ["--verified", VERIFIED_DOMAIN, *SETS]
    with running(tmp_path_factory.mktemp("mailbox"), options) as url:
        yield client(url)


@pytest.fixture
def mailbox(shared_mailbox: MailboxClient) -> MailboxClient:
    shared_mailbox.reset()
    return shared_mailbox
