"""Uploaded audiences: a CSV goes straight into S3 by a signed URL, the worker `load` reads it as a stream
(`list_loader.py`), and its good rows are kept in blocks.

An API call carries at most 256 KB (and API Gateway 10 MB): a list of a hundred thousand rows does not go through it.
"""

import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from chalicelib.addresses import same_address_key
from chalicelib.campaigns.jobs import LoadJob
from chalicelib.campaigns.list_index import blocks_of, index_part, page_of, without
from chalicelib.clock import Clock, new_id, rfc3339
from chalicelib.errors import ConflictError, NotFoundError, UnavailableError
from chalicelib.flow.queues import JobQueue, Outgoing
from chalicelib.isolation import each
from chalicelib.observability import log_failure
from chalicelib.schemas import passed
from chalicelib.service_scope import EVERYTHING, Sight
from chalicelib.storage.cursor import read_cursor, write_cursor
from chalicelib.storage.dynamodb import find, reaching_dynamodb, save_if, update_if
from chalicelib.storage.rows.campaigns import BLOCK_PREFIX, HEAD_PART, ListRow

QUEUE = "load"
_LISTED = "lists"
BLOCK_ROWS = 500
_BLOCKS = 999_999  # the last one's number
_TRIES = 5


class ListStore:
    """The lists of one stage."""

    def __init__(self, *, queues: JobQueue, clock: Clock) -> None:
        self._queues = queues
        self._clock = clock

    def add(self, name: str, *, by: str, id_: str | None = None, service: str | None = None) -> ListRow:
        """A new list of a `service` that waits for its file; one with this `id_` is found again. Raises:
        UnavailableError (retryable)."""
        row = ListRow(
            id_ or new_id(),
            HEAD_PART,
            listed=_LISTED,
            name=name,
            state="waiting",
            created_at=rfc3339(self._clock()),
            created_by=by,
            service=service,
        )
        return row if save_if(row, ListRow.list_id.does_not_exist()) else self.get(row.list_id)

    def get(self, list_id: str, *, sight: Sight = EVERYTHING) -> ListRow:
        """Raises: NotFoundError (permanent: there is none in `sight`), UnavailableError (retryable)."""
        row = self.find(list_id, sight=sight)
        if row is None or row.deleting_at is not None:
            raise NotFoundError(f"there is no list {list_id}")
        return row

    def find(self, list_id: str, *, sight: Sight = EVERYTHING) -> ListRow | None:
        """A list in sight, be it one whose deletion has not come to its end. Raises: UnavailableError (retryable)."""
        row = find(ListRow, list_id, HEAD_PART)
        return row if row is not None and sight.has(row.service, by=row.created_by) else None

    def page(self, *, limit: int, cursor: str | None) -> tuple[list[ListRow], str | None]:
        """Newest first, without their bad lines. Raises: InvalidError (permanent: a foreign cursor), UnavailableError
        (retryable)."""
        start = read_cursor(cursor, scope=_LISTED) if cursor else None
        with reaching_dynamodb():
            page = ListRow.by_creation.query(
                _LISTED, scan_index_forward=False, limit=limit, page_size=limit, last_evaluated_key=start
            )
            found = list(page)
        following = page.last_evaluated_key
        return found, write_cursor(following, scope=_LISTED) if following else None

    def ask_to_load(self, list_id: str, *, sight: Sight = EVERYTHING) -> ListRow:
        """Has a list in sight read in the background. Raises: NotFoundError, ConflictError (permanent: it is loaded
        already, and campaigns may count on it), UnavailableError (retryable)."""
        row = self.get(list_id, sight=sight)
        asked = [ListRow.state.set("loading"), ListRow.problem.remove()]
        may_be = ListRow.state.is_in("waiting", "loading", "failed") & ListRow.deleting_at.does_not_exist()
        if not update_if(row, asked, may_be):
            raise ConflictError("the list is loaded; upload another one under a new id")
        self._queues.put(QUEUE, [Outgoing(passed(LoadJob(list_id=list_id)))])
        return row

    def close(self, row: ListRow) -> bool:
        """From now on the list is not there but for whoever deletes it; False, and nothing done, where it is not as it
        was read. Raises: UnavailableError (retryable)."""
        loaded = ListRow.loaded_at
        same = loaded.does_not_exist() if row.loaded_at is None else loaded == row.loaded_at
        return update_if(row, [ListRow.deleting_at.set(rfc3339(self._clock()))], (ListRow.state == row.state) & same)

    def delete(self, list_id: str) -> None:
        """The rows, then the list; an upload that was never read is forgotten by its bucket. Raises: UnavailableError
        (retryable)."""
        self.cut(list_id, blocks=0, pages=0)
        with reaching_dynamodb(), ListRow.batch_write() as batch:
            batch.delete(ListRow(list_id, HEAD_PART))

    def cut(self, list_id: str, *, blocks: int, pages: int) -> None:
        """Leaves so many blocks, and pages of the index: what a file that was read before had behind them is no part of
        the list. Raises: UnavailableError (retryable)."""
        for behind in (
            ListRow.part.between(block_part(blocks), block_part(_BLOCKS)),
            ListRow.part.between(index_part(pages), index_part(_BLOCKS)),
        ):
            with reaching_dynamodb(), ListRow.batch_write() as batch:
                for row in ListRow.query(list_id, behind, consistent_read=True, attributes_to_get=["list_id", "part"]):
                    batch.delete(row)

    def block(self, list_id: str, number: int) -> list[dict[str, Any]] | None:
        """The rows of one block; None behind the last. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            try:
                row = ListRow.get(list_id, block_part(number), consistent_read=True)
            except ListRow.DoesNotExist:
                return None
        return [one for rows in each(_unpacked, [row], alone=_unreadable) for one in rows]

    def rows_of(self, address: str) -> list[dict[str, Any]]:
        """The rows of every list with an e-mail address, in whatever spelling, each with its list's id. It looks up the
        lists' indexes, a hundred a request, and reads the blocks that they name; a list that is being read just now is
        looked through. Raises: UnavailableError (retryable)."""
        key = same_address_key("email", address)
        return [
            {"list_id": row.list_id, **one}
            for row in self._blocks_of(address, self._pages_of(address))
            for one in _unpacked(row)
            if _is_for(one, key)
        ]

    def forget(self, address: str) -> None:
        """Takes an e-mail address off every list. Raises: as `rows_of`."""
        key = same_address_key("email", address)

        def block_without(packed: bytes) -> bytes:
            rows = _rows(packed)
            left = [one for one in rows if not _is_for(one, key)]
            return pack(left) if len(left) < len(rows) else packed

        pages = self._pages_of(address)
        for row in self._blocks_of(address, pages):
            self._rewrite(row, block_without)
        # The pages last: they are what finds the blocks.
        for page in pages.values():
            if page is not None and blocks_of(address, page.rows or b""):
                self._rewrite(page, lambda packed: without(address, packed))

    def _pages_of(self, address: str) -> dict[str, ListRow | None]:
        """The page of each list that knows the address; None of a list without an index. Others have no rows."""
        with reaching_dynamodb():
            heads = [one for one in ListRow.by_creation.query(_LISTED) if one.state in ("loading", "ready")]
            keys = [(one.list_id, page_of(address, rows=int(one.row_count or 0))) for one in heads]
            found = {row.list_id: row for row in ListRow.batch_get(keys, consistent_read=True)} if keys else {}
        return {one.list_id: found.get(one.list_id) if one.state == "ready" else None for one in heads}

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
        """Applies `change` to the rows, or entries, as they are at that moment: two erasures at once are both kept."""
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


def fields_of(row: ListRow) -> dict[str, Any]:
    """What somebody has seen of a list."""
    return {"name": row.name, "state": row.state, "rows": int(row.row_count or 0), "loaded_at": row.loaded_at}


def pack(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The rows of a block, as they are kept."""
    return zlib.compress(json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode())


def _unreadable(row: ListRow, error: Exception) -> None:
    log_failure("block of a list", error, list_id=row.list_id, part=row.part)


def _unpacked(row: ListRow) -> list[dict[str, Any]]:
    return _rows(row.rows or b"")


def _rows(packed: bytes) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(zlib.decompress(packed))
    return rows


def _is_for(row: Mapping[str, Any], key: str) -> bool:
    return same_address_key("email", row.get("email") or "") == key


def block_part(number: int) -> str:
    """Where a block is kept."""
    return f"{BLOCK_PREFIX}{number:06}"
