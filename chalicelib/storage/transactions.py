"""Writes of many rows: all or none of them, or as many as the table takes."""

from collections.abc import Callable, Sequence
from typing import Any

from pynamodb.constants import BATCH_WRITE_PAGE_LIMIT
from pynamodb.exceptions import CancellationReason, TransactWriteError
from pynamodb.transactions import TransactWrite

from chalicelib.errors import UnavailableError
from chalicelib.storage.dynamodb import StageTable, dynamodb, reaching_dynamodb

Reasons = Sequence[CancellationReason | None]  # of the writes of a transaction; None: nothing stood against this one
_PUT_ROUNDS = 5  # for what a table did not take at first


def transact(*, puts: Sequence[dict[str, Any]], updates: Sequence[dict[str, Any]] = ()) -> Reasons | None:
    """Makes all of these raw writes and returns None; or none of them, and returns what stands against each, in order.
    Raises: UnavailableError (retryable)."""
    with reaching_dynamodb():
        try:
            dynamodb().transact_write_items([], [], puts, updates)
        except TransactWriteError as error:
            if not error.cancellation_reasons:
                raise
            return error.cancellation_reasons
    return None


def transaction(write: Callable[[TransactWrite], None]) -> Reasons | None:
    """Makes all the writes that `write` adds and returns None; or none of them, and returns what stands against each.
    Raises: UnavailableError (retryable)."""
    with reaching_dynamodb():
        try:
            with TransactWrite(connection=dynamodb()) as transaction:
                write(transaction)
        except TransactWriteError as error:
            if not error.cancellation_reasons:
                raise
            return error.cancellation_reasons
    return None


def refused(reasons: Reasons) -> bool:
    """Whether a condition stood against it, and not just a simultaneous transaction."""
    return any(reason is not None and reason.code == "ConditionalCheckFailed" for reason in reasons)


def batch_put(model: type[StageTable], items: Sequence[dict[str, Any]]) -> None:
    """Writes raw items over whatever is there; 25 per request. The caller is inside `reaching_dynamodb`. Raises:
    UnavailableError (retryable): the table took only some of them."""
    table = model._get_connection().table_name
    left = [{"PutRequest": {"Item": item}} for item in items]
    for _ in range(_PUT_ROUNDS + len(left) // BATCH_WRITE_PAGE_LIMIT):
        if not left:
            return
        now, left = left[:BATCH_WRITE_PAGE_LIMIT], left[BATCH_WRITE_PAGE_LIMIT:]
        answer = dynamodb().dispatch("BatchWriteItem", {"RequestItems": {table: now}})
        left += answer.get("UnprocessedItems", {}).get(table, [])
    if left:
        raise UnavailableError(f"the table did not take {len(left)} items")
