"""Reads the uploaded file of a list, and keeps its good rows in blocks (`lists.py`)."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from chalicelib.campaigns.list_file import BadListError, Report, read_rows
from chalicelib.campaigns.list_index import ListIndex, page_count
from chalicelib.campaigns.lists import BLOCK_ROWS, ListStore, block_part, pack
from chalicelib.clock import Clock, rfc3339
from chalicelib.pipeline.jobs import portions
from chalicelib.storage.dynamodb import reaching_dynamodb
from chalicelib.storage.rows.campaigns import ListRow

# DynamoDB: 400 KB an item. What cannot be made smaller takes up to three bytes a character of its JSON.
_BLOCK_CHARACTERS = 100_000


class Uploads(Protocol):
    """Where uploads lie; `campaigns.uploads.S3Uploads` is one."""

    def pieces(self, list_id: str) -> Iterable[bytes] | None:
        """The uploaded file in pieces of some KB; None where there is none. Raises: UnavailableError (retryable)."""
        ...


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
            blocks, content = self._write_blocks(list_id, read_rows(file, report), report)
        except BadListError as error:
            return self._fail(head, str(error))
        if not report.good:
            return self._fail(head, "the file has no good row", report)
        self._finish(head, "ready", None, report, blocks, content)
        return "ready"

    def _write_blocks(self, list_id: str, rows: Iterable[Mapping[str, Any]], report: Report) -> tuple[int, str]:
        """How many blocks there are, and the digest of all rows."""
        content, number, index = hashlib.sha256(), 0, ListIndex()
        # In blocks each of which DynamoDB takes, whatever the rows hold.
        for block in portions(rows, most=BLOCK_ROWS, room=_BLOCK_CHARACTERS, size=_characters):
            packed = pack(block)
            with reaching_dynamodb():
                ListRow(list_id, block_part(number), rows=packed).save()
            content.update(packed)
            for address in (row["email"] for row in block if row.get("email")):
                index.add(address, number)
            number += 1
        for part, page in index.pages(report.good):
            with reaching_dynamodb():
                ListRow(list_id, part, rows=page).save()
        self._store.cut(list_id, blocks=number, pages=page_count(report.good))
        return number, content.hexdigest()

    def _fail(self, head: ListRow, problem: str, report: Report | None = None) -> str:
        self._store.cut(head.list_id, blocks=0, pages=0)
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


def _characters(row: Mapping[str, Any]) -> int:
    return sum(len(str(value)) for value in row.values())
