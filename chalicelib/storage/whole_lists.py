"""Reads a list from its first row to its last."""

from collections.abc import Iterator
from typing import Any

from chalicelib.isolation import each
from chalicelib.observability import log_failure
from chalicelib.storage.dynamodb import reaching_dynamodb
from chalicelib.storage.recipient_lists import unpack_rows
from chalicelib.storage.rows.campaigns import BLOCK_PREFIX, ListRow
from chalicelib.storage.values import raw_query


def read_list(list_id: str) -> Iterator[list[dict[str, Any]]]:
    """The rows of every block, about a megabyte a request. A damaged block is logged, and has none. Raises:
    UnavailableError (retryable)."""

    def rows(item: dict[str, Any]) -> list[dict[str, Any]]:
        return unpack_rows(ListRow.rows.deserialize(item["rows"]["B"]))

    def unreadable(item: dict[str, Any], error: Exception) -> None:
        log_failure("block of a list", error, list_id=list_id, part=item["part"]["S"])

    with reaching_dynamodb():
        for item in raw_query(ListRow, list_id, ListRow.part.startswith(BLOCK_PREFIX)):
            yield from each(rows, [item], alone=unreadable)
