"""An account to deploy to."""

from collections.abc import Iterator

import boto3
import pytest

from infra.account import Account
from tests.ministack import ministack


@pytest.fixture(scope="session")
def account() -> Iterator[Account]:
    """An empty account of the emulator."""
    with ministack() as url:
        session = boto3.Session("test", "test", region_name="eu-central-1")
        account = Account(session, endpoint_url=url)
        account.artifact_bucket("try")
        yield account
