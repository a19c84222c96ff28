"""Uploaded audiences. A list is its head, blocks of some hundred rows each, and an index of its addresses
(`list_index.py`)."""

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from chalicelib.clock import Clock, new_id, rfc3339
from chalicelib.errors import NotFoundError, Phrase, restored, stored
from chalicelib.isolation import each
from chalicelib.observability import log_failure
from chalicelib.service_scope import EVERYTHING, Sight
from chalicelib.states import ListState
from chalicelib.storage.cursor import read_cursor, write_cursor
from chalicelib.storage.dynamodb import reaching_dynamodb, save_if, update_if
from chalicelib.storage.list_index import ListIndex, index_part, page_count
from chalicelib.storage.rows.campaigns import BLOCK_PREFIX, HEAD_PART, ListRow
from chalicelib.storage.values import find, value_of

LISTED = "lists"
_LAST = 999_999  # the last block's number
_SEARCHED = 1000  # names that a search looks at for a page


class RecipientList(NamedTuple):
    """`content` is a digest of all rows, `reading` how its file is read (`list_file.Reading`), the bytes how far that
    has come. A page of lists knows no bad lines."""

    list_id: str
    name: str
    state: ListState
    problem: str | None = None
    created_at: str | None = None
    created_by: str | None = None
    service: str | None = None
    loaded_at: str | None = None
    deleting_at: str | None = None
    row_count: int = 0
    content: str | None = None
    bad_count: int = 0
    bad_lines: Sequence[Mapping[str, Any]] = ()
    reading: Mapping[str, Any] | None = None
    read_bytes: int = 0
    file_bytes: int = 0

    def fields(self) -> dict[str, Any]:
        """What somebody has seen of it; its ETag follows from these."""
        return {"name": self.name, "state": self.state, "rows": self.row_count, "loaded_at": self.loaded_at}


_IN_PAGES = (
    "part",
    *(name for name in RecipientList._fields if name not in ("bad_lines", "reading")),
    "problem_phrase",
)


class RecipientLists:
    """Every method raises: UnavailableError (retryable)."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def add(self, name: str, *, by: str, id_: str | None = None, service: str | None = None) -> RecipientList:
        """A new list of a `service` that waits for its file, or the existing one with this `id_`."""
        row = ListRow(
            id_ or new_id(),
            HEAD_PART,
            listed=LISTED,
            name=name,
            state=ListState.WAITING,
            created_at=rfc3339(self._clock()),
            created_by=by,
            service=service,
        )
        return _list(row) if save_if(row, ListRow.list_id.does_not_exist()) else self.get(row.list_id)

    def get(self, list_id: str, *, sight: Sight = EVERYTHING) -> RecipientList:
        """Raises: NotFoundError (permanent: there is none in `sight`)."""
        found = self.find(list_id, sight=sight)
        if found is None or found.deleting_at is not None:
            raise NotFoundError(Phrase("there is no list {id}", id=list_id))
        return found

    def find(self, list_id: str, *, sight: Sight = EVERYTHING) -> RecipientList | None:
        """A list in sight, even one whose deletion is under way."""
        row = find(ListRow, list_id, HEAD_PART)
        return _list(row) if row is not None and sight.has(row.service, by=row.created_by) else None

    def page(
        self, *, limit: int, cursor: str | None, words: str = "", sight: Sight = EVERYTHING
    ) -> tuple[list[RecipientList], str | None]:
        """Newest first, without bad lines; with `words`, those whose name has them all. A page may hold fewer than
        `limit`, even none; only the cursor says whether there are more. Raises: InvalidError (permanent: a foreign
        cursor)."""
        wanted = words.casefold().split()
        scope = f"{LISTED}\n{' '.join(wanted)}" if wanted else LISTED
        start = read_cursor(cursor, scope=scope) if cursor else None
        most = _SEARCHED if wanted else limit
        with reaching_dynamodb():
            page = ListRow.by_creation.query(
                LISTED, scan_index_forward=False, limit=most, page_size=most, last_evaluated_key=start
            )
            met = [row for row in page if all(word in (row.name or "").casefold() for word in wanted)]
        following, taken = page.last_evaluated_key, met[:limit]
        if len(met) > limit:
            last = taken[-1]
            following = ListRow.by_creation.place_of(last)
        found = [one for one in self._heads(taken) if sight.has(one.service, by=one.created_by)]
        return found, write_cursor(following, scope=scope) if following else None

    def _heads(self, rows: Sequence[ListRow]) -> list[RecipientList]:
        """As they are now; the index lags behind, and lacks some of it."""
        keys = [(row.list_id, HEAD_PART) for row in rows]
        with reaching_dynamodb():
            found = {
                row.list_id: _list(row)
                for row in ListRow.batch_get(keys, consistent_read=True, attributes_to_get=list(_IN_PAGES))
            }
        return [found[row.list_id] for row in rows if row.list_id in found]

    def begin_loading(self, list_id: str, *, reading: Mapping[str, Any] | None = None) -> RecipientList | None:
        """Records that its file is being read, and how; None, with nothing done, if it was read already, or is being
        read otherwise."""
        row = ListRow(list_id, HEAD_PART)
        same = ListRow.reading == reading if reading else ListRow.reading.does_not_exist()
        unread = ListRow.state.is_in(ListState.WAITING, ListState.FAILED) | (
            (ListRow.state == ListState.LOADING) & same
        )
        begin = [
            ListRow.state.set(ListState.LOADING),
            ListRow.reading.set(reading) if reading else ListRow.reading.remove(),
            *(one.remove() for one in (ListRow.problem, ListRow.problem_phrase, ListRow.bad_lines, ListRow.read_bytes)),
        ]
        begun = update_if(row, begin, unread & ListRow.deleting_at.does_not_exist())
        return _list(row) if begun else None

    def tell_loading(self, list_id: str, *, rows: int, bad: int, read: int, whole: int) -> None:
        """How far the reading has come: lines, and bytes of the file. Only a word to people."""
        told = [
            ListRow.row_count.set(rows),
            ListRow.bad_count.set(bad),
            ListRow.read_bytes.set(read),
            ListRow.file_bytes.set(whole),
        ]
        update_if(ListRow(list_id, HEAD_PART), told, ListRow.state == ListState.LOADING)

    def rename(self, seen: RecipientList, name: str) -> bool:
        """False, with nothing done, if it has changed since it was read."""
        same = (ListRow.name == seen.name) & ListRow.deleting_at.does_not_exist()
        return update_if(ListRow(seen.list_id, HEAD_PART), [ListRow.name.set(name)], same)

    def put_block(self, list_id: str, number: int, rows: Sequence[Mapping[str, Any]]) -> bytes:
        """Stores the rows of one block; returns their size in bytes."""
        packed = pack_rows(rows)
        with reaching_dynamodb():
            ListRow(list_id, block_part(number), rows=packed).save()
        return packed

    def put_index(self, list_id: str, index: ListIndex, *, rows: int) -> None:
        """Stores the positions of so many rows' addresses."""
        for part, page in index.pages(rows):
            with reaching_dynamodb():
                ListRow(list_id, part, rows=page).save()

    def finish_loading(self, found: RecipientList, *, blocks: int) -> None:
        """Stores the result: state, problem, counts and bad lines. Anything that an earlier file left after so many
        `blocks` is not part of the list."""
        self._cut(found.list_id, blocks=blocks, pages=page_count(found.row_count) if blocks else 0)
        kept = stored(found.problem)
        with reaching_dynamodb():
            ListRow(found.list_id, HEAD_PART).update(
                actions=[
                    ListRow.state.set(found.state),
                    ListRow.problem.set(found.problem) if found.problem else ListRow.problem.remove(),
                    ListRow.problem_phrase.set(kept) if kept else ListRow.problem_phrase.remove(),
                    ListRow.row_count.set(found.row_count),
                    ListRow.blocks.set(blocks),
                    ListRow.content.set(found.content or ""),
                    ListRow.bad_count.set(found.bad_count),
                    ListRow.bad_lines.set([{**one, "phrase": stored(one["message"])} for one in found.bad_lines]),
                    ListRow.loaded_at.set(rfc3339(self._clock())),
                    ListRow.reading.set(found.reading) if found.reading else ListRow.reading.remove(),
                ]
            )

    def close(self, seen: RecipientList) -> bool:
        """From now on nobody finds the list except to delete it; False, with nothing done, if it has changed since it
        was read."""
        loaded = ListRow.loaded_at
        same = loaded.does_not_exist() if seen.loaded_at is None else loaded == seen.loaded_at
        closed = [ListRow.deleting_at.set(rfc3339(self._clock()))]
        return update_if(ListRow(seen.list_id, HEAD_PART), closed, (ListRow.state == seen.state) & same)

    def delete(self, list_id: str) -> None:
        """The rows, then the list; its bucket expires an upload that was never read."""
        self._cut(list_id, blocks=0, pages=0)
        with reaching_dynamodb(), ListRow.batch_write() as batch:
            batch.delete(ListRow(list_id, HEAD_PART))

    def _cut(self, list_id: str, *, blocks: int, pages: int) -> None:
        for behind in (
            ListRow.part.between(block_part(blocks), block_part(_LAST)),
            ListRow.part.between(index_part(pages), index_part(_LAST)),
        ):
            with reaching_dynamodb(), ListRow.batch_write() as batch:
                for row in ListRow.query(list_id, behind, consistent_read=True, attributes_to_get=["list_id", "part"]):
                    batch.delete(row)

    def block(self, list_id: str, number: int) -> list[dict[str, Any]] | None:
        """The rows of one block; None after the last. A damaged block is logged, and has none."""
        row = find(ListRow, list_id, block_part(number))
        if row is None:
            return None

        def unreadable(_: bytes, error: Exception) -> None:
            log_failure("block of a list", error, list_id=list_id, part=row.part)

        return [one for rows in each(unpack_rows, [row.rows or b""], alone=unreadable) for one in rows]


def block_part(number: int) -> str:
    """The range key of a block."""
    return f"{BLOCK_PREFIX}{number:06}"


def _list(row: ListRow) -> RecipientList:
    lines = [
        {"line": one["line"], "message": restored(one.get("phrase"), text=one["message"])}
        for one in row.bad_lines or ()
    ]
    problem = restored(row.problem_phrase, text=row.problem)
    return value_of(RecipientList, row)._replace(problem=problem, bad_lines=lines)


def pack_rows(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The rows of a block as they are stored."""
    return zlib.compress(json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode())


def unpack_rows(packed: bytes) -> list[dict[str, Any]]:
    """The inverse of `pack_rows`."""
    rows: list[dict[str, Any]] = json.loads(zlib.decompress(packed))
    return rows
