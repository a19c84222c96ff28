"""Stores the templates that come with this checkout, so that a letter accepted with a version gets it, whatever is
deployed later (ADR 0045).

What this leaves out (a broken-off deployment), the API stores on first use.
"""

from collections.abc import Iterator
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.clock import now, rfc3339
from chalicelib.rendering.layout import Layout
from chalicelib.rendering.model import Template
from chalicelib.rendering.shipped import LAYOUT
from chalicelib.rendering.template_store import TemplateStore, named_body
from chalicelib.storage.configuration import NEWEST, shipped_row
from chalicelib.storage.dynamodb import CONDITION_FAILED
from chalicelib.storage.rows.configuration import NewestIndex, TemplateRow
from infra.account import Account
from infra.stacks import DeployError


def write_down_templates(account: Account, stage: str, *, folder: Path | None = None) -> list[str]:
    """Stores what is missing; returns lines for the deployer. Raises: DeployError."""
    store, table = TemplateStore(folder=folder), f"vestnik-{stage}-{TemplateRow.Meta.thing}"
    try:
        new = [key for key, content in _contents(store) if _write(account, table, content)]
        told = [f"shipped templates: new versions of {', '.join(new)} are written down"] if new else []
        return [*told, *_hidden(account, table, store)]
    except (ClientError, BotoCoreError) as error:
        raise DeployError(f"the shipped templates were not written down: {error}") from error


def _contents(store: TemplateStore) -> Iterator[tuple[str, Template | Layout]]:
    yield LAYOUT, store.layout(None)
    yield from ((template.key, template) for template in store.everything())


def _write(account: Account, table: str, content: Template | Layout) -> bool:
    """False if it exists."""
    try:
        account.dynamodb.put_item(
            TableName=table,
            Item=shipped_row(*named_body(content), at=rfc3339(now())).serialize(),
            ConditionExpression="attribute_not_exists(#key)",
            ExpressionAttributeNames={"#key": "key"},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != CONDITION_FAILED:
            raise
        return False
    return True


def _hidden(account: Account, table: str, store: TemplateStore) -> Iterator[str]:
    """Stored versions that hide a shipped one other than the one they replaced."""
    pages = account.dynamodb.get_paginator("query").paginate(
        TableName=table,
        IndexName=NewestIndex.Meta.index_name,
        KeyConditionExpression="newest = :newest",
        ExpressionAttributeValues={":newest": {"S": NEWEST}},
    )
    for item in (item for page in pages for item in page["Items"]):
        row = TemplateRow.from_raw_data(item)
        shipped = store.shipped(row.key)
        if shipped and row.body.get("hides") != shipped.version:
            yield (
                f"template {row.key}: version {int(row.version)}, stored by {row.created_by}, stays in force; the "
                f"shipped one that it hides has changed since: see /admin/templates/{row.key}"
            )
