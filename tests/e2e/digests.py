"""Digests that come when a test says so, not when the clock does. Used by the tests of the whole service and the chaos
tests.
"""

from datetime import timedelta
from typing import Any

from chalicelib.clock import now, rfc3339
from infra.local.children import STAGE
from infra.local.cloud import LocalCloud
from tests.e2e.conftest import eventually


def not_yet() -> str:
    """A time of day that no test lives to see."""
    return f"{now() + timedelta(hours=12):%H}:00"


def make_due(cloud: LocalCloud, user_id: str) -> None:
    """Moves the moment of a user's digest to the past."""
    table = f"vestnik-{STAGE}-digests"
    dynamodb = cloud.account.session.client("dynamodb", endpoint_url=cloud.emulator_url)

    def rows() -> list[dict[str, Any]]:
        found = dynamodb.query(
            TableName=table,
            ConsistentRead=True,
            KeyConditionExpression="user_id = :user",
            ExpressionAttributeValues={":user": {"S": user_id}},
        )
        return list(found["Items"])

    for row in eventually(rows):  # written after the status that reports it
        dynamodb.update_item(
            TableName=table,
            Key={name: row[name] for name in ("user_id", "notification_id")},
            UpdateExpression="SET due_at = :past",
            ExpressionAttributeValues={":past": {"S": rfc3339(now())}},
        )
