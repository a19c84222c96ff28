"""A stage's tables by its template, whether they exist or not."""

import json
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from infra.resolved import resolve
from infra.stages import PRODUCTION
from infra.template_build import built_template

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Last in a backup, so that it knows of whatever the others know of: a claim that is forgotten is a letter sent twice.
LEDGER = "ledger"
# Counted in one transaction with the ledger's rows: none of the two is ever older than the other.
COUNTERS = "counters"
_LIMIT_SECONDS = 24 * 3600
_POLL_SECONDS = 2.0
_TOLD_SECONDS = 15


class Table(NamedTuple):
    """A table: its short name (`ledger`), its full name, and the properties that no backup restores."""

    thing: str
    name: str
    expires_by: str | None
    has_points_in_time: bool
    is_protected: bool


def tables_of(stage: str) -> list[Table]:
    """All tables of the stage, the ledger last."""
    resources = resolve(json.loads(built_template(stage)), {"Stage": stage}).values()
    found = [_table(stage, one["Properties"]) for one in resources if one["Type"] == "AWS::DynamoDB::Table"]
    return sorted(found, key=lambda one: (one.thing == LEDGER, one.thing))


def _table(stage: str, properties: dict[str, Any]) -> Table:
    name: str = properties["TableName"]
    past: dict[str, Any] = properties.get("PointInTimeRecoverySpecification", {})
    return Table(
        thing=name.removeprefix(f"vestnik-{stage}-"),
        name=name,
        expires_by=properties.get("TimeToLiveSpecification", {}).get("AttributeName"),
        has_points_in_time=_is_true(past, "PointInTimeRecoveryEnabled"),
        is_protected=stage == PRODUCTION,
    )


def _is_true(properties: dict[str, Any], name: str) -> bool:
    return str(properties.get(name, False)).lower() == "true"


def existing(client: "DynamoDBClient", names: set[str]) -> set[str]:
    """The tables that exist."""
    pages = client.get_paginator("list_tables").paginate()
    return {name for page in pages for name in page["TableNames"]} & names


def is_active(client: "DynamoDBClient", name: str) -> bool:
    """Whether a table and its indexes can be used."""
    table = client.describe_table(TableName=name)["Table"]
    indexes = table.get("GlobalSecondaryIndexes", [])
    return all(one.get("IndexStatus", "ACTIVE") == "ACTIVE" for one in indexes) and table["TableStatus"] == "ACTIVE"


def wait_for(what: str, look: Callable[[], bool]) -> None:
    """Until it is active; reports every quarter of a minute. Raises: SystemExit after a day."""
    for waited in _ticks():
        if look():
            return
        if waited:
            print(f"  {what} …", flush=True)
    raise SystemExit(f"{what}: not done after a day; run the same command again to go on")


def _ticks() -> Iterator[bool]:
    began = told = time.monotonic()
    while time.monotonic() - began < _LIMIT_SECONDS:
        due = time.monotonic() - told > _TOLD_SECONDS
        told = time.monotonic() if due else told
        yield due
        time.sleep(_POLL_SECONDS)
