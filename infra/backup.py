"""Backs up every table of a stage, under one name. Run by `make backup`; nothing stops meanwhile.

python -m infra.backup --stage prod
python -m infra.backup --stage prod --at 2026-11-29T08:30:00Z    # as it was then: the last 35 days, in production
"""

import argparse
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.clock import now, parse_rfc3339, rfc3339
from infra.account import Account
from infra.acting import act_in
from infra.reaching_aws import reaching_aws
from infra.stage_tables import Table, existing, is_active, tables_of, wait_for
from infra.stages import stage_names

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import BackupSummaryTypeDef

NAME = "%Y-%m-%dT%H%M%SZ"  # of a backup; DynamoDB takes no colon in it
DELETED = "deleted"
_PAST = "-past"


class Backup(NamedTuple):
    """Of one table, as it was at `since`."""

    arn: str
    since: datetime


def back_up(client: "DynamoDBClient", stage: str, *, at: datetime | None = None) -> str:
    """The name of the backup, which is its moment: now, or a past one, from the points in time that AWS keeps. Raises:
    SystemExit: a table is missing, or keeps no such point; nothing was made."""
    name, tables = f"{at or now():{NAME}}", tables_of(stage)
    if gone := {one.name for one in tables} - existing(client, {one.name for one in tables}):
        lacking = ", ".join(sorted(gone))
        raise SystemExit(f"backup: there is no table {lacking}\n  do: make restore, or make deploy of a new stage")
    if at is not None:
        _require_points(client, tables, at)
    for table in tables:
        source = table.name if at is None else _of_the_past(client, table.name, at)
        arn = client.create_backup(TableName=source, BackupName=name)["BackupDetails"]["BackupArn"]
        wait_for(f"{table.name} is being backed up", lambda arn=arn: is_there(client, arn))  # type: ignore[misc]
        if source != table.name:
            client.delete_table(TableName=source)
        print(f"  {table.name}", flush=True)
    return name


def _require_points(client: "DynamoDBClient", tables: Sequence[Table], at: datetime) -> None:
    for table in tables:
        found = client.describe_continuous_backups(TableName=table.name)["ContinuousBackupsDescription"]
        kept = found.get("PointInTimeRecoveryDescription", {})
        earliest, latest = kept.get("EarliestRestorableDateTime"), kept.get("LatestRestorableDateTime")
        if earliest is None or latest is None or not earliest <= at <= latest:
            span = f"from {earliest} to {latest}" if earliest else "none"
            raise SystemExit(f"backup: {table.name} keeps no point in time {rfc3339(at)}; it keeps {span}")


def _of_the_past(client: "DynamoDBClient", name: str, at: datetime) -> str:
    """Another table with the past content of this one."""
    past = f"{name}{_PAST}"
    if not existing(client, {past}):
        client.restore_table_to_point_in_time(SourceTableName=name, TargetTableName=past, RestoreDateTime=at)
    wait_for(f"{name} of {rfc3339(at)} is being made", lambda: is_active(client, past))
    return past


def is_there(client: "DynamoDBClient", arn: str) -> bool:
    """Whether a backup can be restored."""
    described = client.describe_backup(BackupArn=arn)["BackupDescription"]["BackupDetails"]
    return described["BackupStatus"] == "AVAILABLE"


def backups(client: "DynamoDBClient", stage: str) -> dict[str, dict[str, Backup]]:
    """Every complete backup by name, with each table's; under `deleted` those of deleted tables that kept points in
    time, which AWS keeps for 35 days."""
    things = {one.name: one.thing for one in tables_of(stage)}
    found: dict[str, dict[str, Backup]] = {DELETED: {}}
    for one in sorted(_summaries(client), key=lambda one: one["BackupCreationDateTime"]):
        name = DELETED if one["BackupType"] == "SYSTEM" else one["BackupName"]
        thing = things.get(one["TableName"].removesuffix(_PAST))
        if thing is not None and (name == DELETED or re.fullmatch(r"[\dT-]+Z", name)):
            since = one["BackupCreationDateTime"] if name == DELETED else _moment(name)
            found.setdefault(name, {})[thing] = Backup(one["BackupArn"], since)
    return {name: parts for name, parts in found.items() if name == DELETED or len(parts) == len(things)}


def _summaries(client: "DynamoDBClient") -> Iterator["BackupSummaryTypeDef"]:
    start: dict[str, str] = {}
    while True:
        page = client.list_backups(BackupType="ALL", **start)  # type: ignore[arg-type]
        yield from page["BackupSummaries"]
        if "LastEvaluatedBackupArn" not in page:
            return
        start = {"ExclusiveStartBackupArn": page["LastEvaluatedBackupArn"]}


def _moment(name: str) -> datetime:
    return datetime.strptime(name, NAME).replace(tzinfo=UTC)


def main(arguments: list[str] | None = None) -> int:
    """With the credentials of the environment; for the stage `local`, in the cloud that runs here."""
    parser = argparse.ArgumentParser(description="Back up the tables of a stage.")
    parser.add_argument("--stage", required=True, choices=stage_names())
    parser.add_argument("--at", type=parse_rfc3339, help="as it was then, such as 2026-11-29T08:30:00Z; default: now")
    chosen = parser.parse_args(arguments)
    act_in(chosen.stage)
    with reaching_aws("backup", chosen.stage):
        name = back_up(Account().dynamodb, chosen.stage, at=chosen.at)
    print(f"backed up: make restore STAGE={chosen.stage} FROM={name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
