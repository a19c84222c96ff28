"""Rows of the ledger by their keys, as DynamoDB has them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from chalicelib.storage.dynamodb import batch_read, reaching_dynamodb
from chalicelib.storage.rows.ledger import LedgerRow

Item = Mapping[str, Mapping[str, Any]]
RowKey = tuple[str, str]  # `notification_id` and `part`
_KEY = ("notification_id", "part")


def read_rows(
    keys: Collection[RowKey], *, attributes: Sequence[str] = (), consistent: bool = True
) -> dict[RowKey, Item]:
    """Those that exist; a hundred per request. `attributes` limits what is read of them. Raises: UnavailableError
    (retryable)."""
    names = (*_KEY, *attributes) if attributes else ()
    with reaching_dynamodb():
        found = list(batch_read({LedgerRow: list(keys)}, attributes=names, consistent=consistent)) if keys else []
    return {(item["notification_id"]["S"], item["part"]["S"]): item for _, item in found}
