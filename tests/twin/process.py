"""The twin as the database of this process: of PynamoDB's one connection, and of any client that moto answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from moto.core.botocore_stubber import BotocoreStubber

from chalicelib.storage import dynamodb as base
from tests.twin.client import TwinClient, answer_on_the_wire
from tests.twin.dynamodb import DynamoDB


class _Process:
    database: DynamoDB | None = None


def twin() -> DynamoDB | None:
    """The database in memory; None where DynamoDB is moto's."""
    return _Process.database


def of_the_stage() -> DynamoDB:
    """The database in memory, where there must be one."""
    assert _Process.database is not None
    return _Process.database


@contextmanager
def twin_in_place(database: DynamoDB | None) -> Iterator[None]:
    """DynamoDB is this, as long as the block lasts; None: moto's."""
    before, _Process.database = _Process.database, database
    try:
        yield
    finally:
        _Process.database = before


def install(patch: pytest.MonkeyPatch) -> None:
    """Once a process: wherever a twin is in place, it is asked."""
    client = vars(base._Connection)["client"].fget

    def own_or_twin(connection: Any) -> Any:
        if _Process.database is None:
            return client(connection)
        if not isinstance(connection._client, TwinClient):
            connection._client = TwinClient(_Process.database)
        return connection._client

    patch.setattr(base._Connection, "client", property(own_or_twin))
    answer = BotocoreStubber.process_request

    def of_moto_or_twin(stubber: BotocoreStubber, request: Any) -> Any:
        if _Process.database is None or not request.url.startswith("https://dynamodb."):
            return answer(stubber, request)
        status, body = answer_on_the_wire(_Process.database, _text(request.headers["X-Amz-Target"]), request.body)
        return status, {}, body

    patch.setattr(BotocoreStubber, "process_request", of_moto_or_twin)


def _text(header: str | bytes) -> str:
    return header.decode() if isinstance(header, bytes) else header
