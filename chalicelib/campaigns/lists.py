"""Uploaded audiences: a CSV goes straight into S3 by a signed URL, the worker `load` reads it as a stream
(`list_file.py`), and its good rows are kept in blocks. Called by the API, by `functions/load.py` and by the fan-out.

An API call carries at most 256 KB (and API Gateway 10 MB): a list of a hundred thousand rows does not go through it.
"""

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, Protocol

from chalicelib.addresses import same_address_key
from chalicelib.campaigns.jobs import LoadJob
from chalicelib.campaigns.list_file import BadListError, Report, read_rows
from chalicelib.clock import Clock, new_id, rfc3339
from chalicelib.control.queues import JobQueue, Outgoing
from chalicelib.errors import ConflictError, NotFoundError
from chalicelib.storage.base import reaching_dynamodb, save_if, update_if
from chalicelib.storage.campaigns import BLOCK_PREFIX, HEAD_PART, ListRow
from chalicelib.storage.cursor import read_cursor, write_cursor

QUEUE = "load"
_LISTED = "lists"
BLOCK_ROWS = 500
_BLOCKS = 999_999  # the last one's number


class Uploads(Protocol):
    """Where uploads lie; `campaigns.uploads.S3Uploads` is one."""

    def pieces(self, list_id: str) -> Iterable[bytes] | None:
        """The uploaded file in pieces of some KB; None where there is none. Raises: UnavailableError (retryable)."""
        ...


class ListStore:
    """The lists of one stage."""

    def __init__(self, *, queues: JobQueue, clock: Clock) -> None:
        self._queues = queues
        self._clock = clock

    def add(self, name: str, *, by: str, id_: str | None = None) -> ListRow:
        """A new list that waits for its file; one with this `id_` is found again. Raises: UnavailableError
        (retryable)."""
        row = ListRow(
            id_ or new_id(),
            HEAD_PART,
            listed=_LISTED,
            name=name,
            state="waiting",
            created_at=rfc3339(self._clock()),
            created_by=by,
        )
        return row if save_if(row, ListRow.list_id.does_not_exist()) else self.get(row.list_id)

    def get(self, list_id: str) -> ListRow:
        """Raises: NotFoundError (permanent), UnavailableError (retryable)."""
        with reaching_dynamodb(), suppress(ListRow.DoesNotExist):
            return ListRow.get(list_id, HEAD_PART, consistent_read=True)
        raise NotFoundError(f"there is no list {list_id}")

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

    def ask_to_load(self, list_id: str) -> ListRow:
        """Has the list read in the background. Raises: NotFoundError, ConflictError (permanent: it is loaded already,
        and campaigns may count on it), UnavailableError (retryable)."""
        row = self.get(list_id)
        asked = [ListRow.state.set("loading"), ListRow.problem.remove()]
        if not update_if(row, asked, ListRow.state.is_in("waiting", "loading", "failed")):
            raise ConflictError("the list is loaded; upload another one under a new id")
        self._queues.put(QUEUE, [Outgoing(LoadJob(list_id=list_id).model_dump_json())])
        return row

    def delete(self, list_id: str) -> None:
        """The rows, then the list; an upload that was never read is forgotten by its bucket. Raises: UnavailableError
        (retryable)."""
        self.cut(list_id, 0)
        with reaching_dynamodb(), ListRow.batch_write() as batch:
            batch.delete(ListRow(list_id, HEAD_PART))

    def cut(self, list_id: str, number: int) -> None:
        """Leaves so many blocks: what a file that was read before had behind them is no part of the list. Raises:
        UnavailableError (retryable)."""
        behind = ListRow.part.between(_block_part(number), _block_part(_BLOCKS))
        with reaching_dynamodb(), ListRow.batch_write() as batch:
            for row in ListRow.query(list_id, behind, consistent_read=True, attributes_to_get=["list_id", "part"]):
                batch.delete(row)

    def block(self, list_id: str, number: int) -> list[dict[str, Any]] | None:
        """The rows of one block; None behind the last. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            try:
                row = ListRow.get(list_id, _block_part(number), consistent_read=True)
            except ListRow.DoesNotExist:
                return None
        return _unpacked(row)

    def rows_of(self, address: str) -> list[dict[str, Any]]:
        """The rows of every list with an e-mail address, in whatever spelling, each with its list's id. It looks
        through all lists, about 15,000 rows a request. Raises: UnavailableError (retryable)."""
        key = same_address_key("email", address)
        return [{"list_id": row.list_id, **one} for row, rows in self._blocks() for one in rows if _is_for(one, key)]

    def forget(self, address: str) -> None:
        """Takes an e-mail address off every list. Raises: UnavailableError (retryable)."""
        key = same_address_key("email", address)
        for row, rows in self._blocks():
            left = [one for one in rows if not _is_for(one, key)]
            if len(left) < len(rows):
                with reaching_dynamodb():
                    ListRow(row.list_id, row.part, rows=_packed(left)).save()

    def _blocks(self) -> Iterator[tuple[ListRow, list[dict[str, Any]]]]:
        with reaching_dynamodb():
            for head in ListRow.by_creation.query(_LISTED):
                for row in ListRow.query(head.list_id, ListRow.part.startswith(BLOCK_PREFIX), consistent_read=True):
                    yield row, _unpacked(row)


class ListLoader:
    """Reads uploaded files. Loading a file again writes the same blocks."""

    def __init__(self, *, store: ListStore, uploads: Uploads, clock: Clock) -> None:
        self._store = store
        self._uploads = uploads
        self._clock = clock

    def load(self, list_id: str) -> str:
        """Reads the file of a list; says what it has become. A file that cannot be read makes a failed list, which says
        why. Raises: NotFoundError (permanent), UnavailableError (retryable)."""
        head = self._store.get(list_id)
        if head.state == "ready":
            return "ready"
        file = self._uploads.pieces(list_id)
        if file is None:
            return self._fail(head, "no file was uploaded")
        report = Report()
        try:
            blocks, content = self._write_blocks(list_id, read_rows(file, report))
        except BadListError as error:
            return self._fail(head, str(error))
        if not report.good:
            return self._fail(head, "the file has no good row", report)
        self._finish(head, "ready", None, report, blocks, content)
        return "ready"

    def _write_blocks(self, list_id: str, rows: Iterable[Mapping[str, Any]]) -> tuple[int, str]:
        """How many blocks there are, and the digest of all rows."""
        content, number, left = hashlib.sha256(), 0, iter(rows)
        while block := list(islice(left, BLOCK_ROWS)):
            packed = _packed(block)
            with reaching_dynamodb():
                ListRow(list_id, _block_part(number), rows=packed).save()
            content.update(packed)
            number += 1
        self._store.cut(list_id, number)
        return number, content.hexdigest()

    def _fail(self, head: ListRow, problem: str, report: Report | None = None) -> str:
        self._finish(head, "failed", problem, report or Report(), 0)
        return "failed"

    def _finish(
        self, head: ListRow, state: str, problem: str | None, report: Report, blocks: int, content: str = ""
    ) -> None:
        with reaching_dynamodb():
            head.update(
                actions=[
                    ListRow.state.set(state),
                    ListRow.problem.set(problem) if problem else ListRow.problem.remove(),
                    ListRow.row_count.set(report.good),
                    ListRow.blocks.set(blocks),
                    ListRow.content.set(content),
                    ListRow.bad_count.set(report.bad),
                    ListRow.bad_lines.set(report.lines),
                    ListRow.loaded_at.set(rfc3339(self._clock())),
                ]
            )


def fields_of(row: ListRow) -> dict[str, Any]:
    """What somebody has seen of a list."""
    return {"name": row.name, "state": row.state, "rows": int(row.row_count or 0), "loaded_at": row.loaded_at}


def _packed(rows: Sequence[Mapping[str, Any]]) -> bytes:
    return zlib.compress(json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode())


def _unpacked(row: ListRow) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(zlib.decompress(row.rows or b""))
    return rows


def _is_for(row: Mapping[str, Any], key: str) -> bool:
    return same_address_key("email", row.get("email") or "") == key


def _block_part(number: int) -> str:
    return f"{BLOCK_PREFIX}{number:06}"
