"""Finds and erases an e-mail address in uploaded lists by their indexes, without reading any list whole (ADR 0064)."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

from chalicelib.addresses import same_address_key
from chalicelib.errors import UnavailableError
from chalicelib.states import ListState
from chalicelib.storage.dynamodb import reaching_dynamodb, update_if
from chalicelib.storage.list_index import blocks_of, page_of, without
from chalicelib.storage.recipient_lists import LISTED, block_part, pack_rows, unpack_rows
from chalicelib.storage.rows.campaigns import BLOCK_PREFIX, ListRow
from chalicelib.storage.values import find

_TRIES = 5


class HoldingList(NamedTuple):
    """A list that an address is on, and its row there."""

    list_id: str
    name: str
    row: Mapping[str, Any]


class ListAddresses:
    """Every method raises: UnavailableError (retryable)."""

    def rows_of(self, address: str) -> list[dict[str, Any]]:
        """The rows of every list with an e-mail address, in any spelling, each with its list's id. It reads the lists'
        indexes, a hundred per request, and the blocks that they name; a list that is being loaded is read completely.
        """
        key = same_address_key("email", address)
        return [
            {"list_id": row.list_id, **one}
            for row in self._blocks_of(address, self._pages_of(address, self._heads()))
            for one in unpack_rows(row.rows or b"")
            if _is_for(one, key)
        ]

    def holding(self, address: str, *, newest: int = 100) -> list[HoldingList]:
        """Which of the newest lists that are ready an e-mail address is on, in any spelling, with its row; in three
        requests."""
        key = same_address_key("email", address)
        heads = {one.list_id: one for one in self._heads(newest) if one.state == ListState.READY}
        return [
            HoldingList(row.list_id, heads[row.list_id].name or "", one)
            for row in self._blocks_of(address, self._pages_of(address, heads.values()))
            for one in unpack_rows(row.rows or b"")
            if _is_for(one, key)
        ]

    def forget(self, address: str) -> None:
        """Removes an e-mail address from every list."""
        key = same_address_key("email", address)

        def block_without(packed: bytes) -> bytes:
            rows = unpack_rows(packed)
            left = [one for one in rows if not _is_for(one, key)]
            return pack_rows(left) if len(left) < len(rows) else packed

        pages = self._pages_of(address, self._heads())
        for row in self._blocks_of(address, pages):
            self._rewrite(row, block_without)
        # The pages last: they are what finds the blocks.
        for page in pages.values():
            if page is not None and blocks_of(address, page.rows or b""):
                self._rewrite(page, lambda packed: without(address, packed))

    def _heads(self, newest: int | None = None) -> list[ListRow]:
        """Of the lists that have rows."""
        with reaching_dynamodb():
            heads = ListRow.by_creation.query(LISTED, scan_index_forward=False, limit=newest)
            return [one for one in heads if one.state in (ListState.LOADING, ListState.READY)]

    def _pages_of(self, address: str, heads: Collection[ListRow]) -> dict[str, ListRow | None]:
        """The page of each list that knows the address; None for a list without an index."""
        with reaching_dynamodb():
            keys = [(one.list_id, page_of(address, rows=int(one.row_count or 0))) for one in heads]
            found = {row.list_id: row for row in ListRow.batch_get(keys, consistent_read=True)} if keys else {}
        return {one.list_id: found.get(one.list_id) if one.state == ListState.READY else None for one in heads}

    def _blocks_of(self, address: str, pages: Mapping[str, ListRow | None]) -> Iterator[ListRow]:
        """The blocks in which an address may stand."""
        keys = [
            (page.list_id, block_part(number))
            for page in pages.values()
            if page is not None
            for number in blocks_of(address, page.rows or b"")
        ]
        with reaching_dynamodb():
            yield from ListRow.batch_get(keys, consistent_read=True) if keys else ()
            for list_id in (one for one, page in pages.items() if page is None):
                yield from ListRow.query(list_id, ListRow.part.startswith(BLOCK_PREFIX), consistent_read=True)

    def _rewrite(self, row: ListRow, change: Callable[[bytes], bytes]) -> None:
        """Applies `change` to the current rows, or entries, so that two simultaneous erasures are both kept."""
        for _ in range(_TRIES):
            before = row.rows or b""
            after = change(before)
            if after == before or update_if(row, [ListRow.rows.set(after)], ListRow.rows == before):
                return
            found = find(ListRow, row.list_id, row.part)
            if found is None:
                return  # the list is being deleted
            row = found
        raise UnavailableError("others kept changing this list")


def _is_for(row: Mapping[str, Any], key: str) -> bool:
    return same_address_key("email", row.get("email") or "") == key
