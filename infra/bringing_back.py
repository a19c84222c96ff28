"""Restores a table under its own name from a backup, with the properties that no backup holds."""

from typing import TYPE_CHECKING

from infra.backup import Backup
from infra.stage_tables import Table, existing, is_active, wait_for

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MARK = "vestnik-restored"  # a tag


def bring_back(client: "DynamoDBClient", table: Table, backup: Backup, *, mark: str) -> None:
    """Restores the table as it was; an existing one is deleted first. A table restored earlier under the same `mark` is
    left alone."""
    if _is_marked(client, table.name, mark):
        return
    if existing(client, {table.name}):
        _protect(client, table.name, on=False)
        client.delete_table(TableName=table.name)
        wait_for(f"{table.name} is being deleted", lambda: not existing(client, {table.name}))
    client.restore_table_from_backup(TargetTableName=table.name, BackupArn=backup.arn)
    wait_for(f"{table.name} is being restored", lambda: is_active(client, table.name))
    # AWS, "Restoring a DynamoDB table from a backup": what has to be set again.
    if table.expires_by:
        expiry = {"Enabled": True, "AttributeName": table.expires_by}
        client.update_time_to_live(TableName=table.name, TimeToLiveSpecification=expiry)  # type: ignore[arg-type]
    if table.has_points_in_time:
        wait_for(f"{table.name} is to keep points in time", lambda: _keeps_points(client, table.name))
    _protect(client, table.name, on=table.is_protected)
    client.tag_resource(ResourceArn=_arn(client, table.name), Tags=[{"Key": _MARK, "Value": mark}])
    print(f"  {table.name} is back", flush=True)


def _is_marked(client: "DynamoDBClient", name: str, mark: str) -> bool:
    if not existing(client, {name}):
        return False
    return {"Key": _MARK, "Value": mark} in client.list_tags_of_resource(ResourceArn=_arn(client, name))["Tags"]


def _arn(client: "DynamoDBClient", name: str) -> str:
    return client.describe_table(TableName=name)["Table"]["TableArn"]


def _protect(client: "DynamoDBClient", name: str, *, on: bool) -> None:
    wait_for(f"{name} is being changed", lambda: is_active(client, name))
    if client.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled", False) is not on:
        client.update_table(TableName=name, DeletionProtectionEnabled=on)
        wait_for(f"{name} is being changed", lambda: is_active(client, name))


def _keeps_points(client: "DynamoDBClient", name: str) -> bool:
    """False while a new table cannot be asked for it yet."""
    try:
        client.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
    except client.exceptions.ContinuousBackupsUnavailableException:
        return False
    return True
