"""Protects a stage from deletion by mistake: termination protection of its stacks, deletion protection of its tables.
Set after each deployment of production, and removed only by `make destroy`, once it has asked."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from infra.account import Account
from infra.stages import PRODUCTION

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

_PARTS = ("infra", "app", "domain")


def protect(account: Account, stage: str) -> None:
    """Makes CloudFormation refuse to delete production's stacks. Raises: ClientError."""
    if stage == PRODUCTION:
        for part in _PARTS:
            _terminable(account.cloudformation, f"vestnik-{stage}-{part}", protected=True)


def unprotect(account: Account, stage: str) -> None:
    """Allows deleting the stacks. Raises: ClientError."""
    for part in _PARTS:
        _terminable(account.cloudformation, f"vestnik-{stage}-{part}", protected=False)


def let_go(account: Account, table: str) -> None:
    """Allows deleting a table. Raises: ClientError."""
    if account.dynamodb.describe_table(TableName=table)["Table"].get("DeletionProtectionEnabled"):
        account.dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)


def _terminable(client: "CloudFormationClient", stack: str, *, protected: bool) -> None:
    try:
        client.update_termination_protection(StackName=stack, EnableTerminationProtection=protected)
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
