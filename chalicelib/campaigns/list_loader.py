"""Reads uploaded lists into blocks with an index of their addresses (ADR 0064)."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from chalicelib.campaigns.jobs import LoadJob
from chalicelib.campaigns.list_file import ListFile, Reading
from chalicelib.campaigns.list_refused import MAX_KEPT, refused_lines
from chalicelib.campaigns.list_report import SHOWN_BAD_LINES, BadListError, ListReport
from chalicelib.campaigns.list_uploads import MAX_BYTES, StoredFile, Uploads
from chalicelib.errors import Phrase
from chalicelib.isolation import portions
from chalicelib.observability import Line, Work
from chalicelib.pipeline.jobs import read_job
from chalicelib.states import ListState
from chalicelib.storage.list_index import ListIndex
from chalicelib.storage.recipient_lists import RecipientList, RecipientLists

BLOCK_ROWS = 500
_TOLD_EVERY = 10  # blocks
# DynamoDB: 400 KB an item. What cannot be made smaller takes up to three bytes a character of its JSON.
_BLOCK_CHARACTERS = 100_000


class ListLoader:
    """Loading a file again writes the same blocks."""

    def __init__(self, *, lists: RecipientLists, uploads: Uploads) -> None:
        self._lists = lists
        self._uploads = uploads

    def load(self, list_id: str) -> str:
        """Reads a list's file; returns the list's state then. An unreadable file makes a failed list, with the reason.
        Raises: NotFoundError (permanent), UnavailableError (retryable)."""
        found = self._lists.get(list_id)
        if found.state == ListState.READY:
            return found.state
        stored, report = self._uploads.file(list_id), ListReport(most=MAX_KEPT)
        loaded = found._replace(state=ListState.FAILED, problem=Phrase("no file was uploaded"))
        blocks = 0
        if stored is not None:
            try:
                blocks, loaded = self._read(loaded, stored, report)
            except BadListError as error:
                loaded = loaded._replace(problem=error.why, bad_count=0, bad_lines=())
        if loaded.state == ListState.FAILED:
            blocks, loaded = 0, loaded._replace(content="", row_count=0)
        self._lists.finish_loading(loaded, blocks=blocks)
        return loaded.state

    def _read(self, found: RecipientList, stored: StoredFile, report: ListReport) -> tuple[int, RecipientList]:
        if stored.size_bytes > MAX_BYTES:
            raise BadListError(Phrase("over {most} MB: split the list", most=MAX_BYTES // 1_000_000))
        passed = PassedPieces(stored.pieces)
        file = ListFile(passed, report, Reading.of(found.reading))

        def tell() -> None:
            self._lists.tell_loading(
                found.list_id, rows=report.good, bad=report.bad, read=passed.bytes, whole=stored.size_bytes
            )

        tell()
        blocks, content = self._write_blocks(found.list_id, file.rows(), report, tell)
        if report.lines:
            self._uploads.put_refused(found.list_id, refused_lines(file, report))
        shown = [{"line": one.line, "message": one.message} for one in report.lines[:SHOWN_BAD_LINES]]
        found = found._replace(
            row_count=report.good, content=content, bad_count=report.bad, bad_lines=shown, reading=file.as_read()
        )
        if not report.good:
            return 0, found._replace(problem=Phrase("the file has no good row"))
        return blocks, found._replace(state=ListState.READY, problem=None)

    def _write_blocks(
        self, list_id: str, rows: Iterable[Mapping[str, Any]], report: ListReport, tell: Callable[[], None]
    ) -> tuple[int, str]:
        """How many blocks there are, and the digest of all rows."""
        content, number, index = hashlib.sha256(), 0, ListIndex()
        # In blocks that fit into a DynamoDB item, whatever the rows hold.
        for block in portions(rows, most=BLOCK_ROWS, room=_BLOCK_CHARACTERS, size=_characters):
            content.update(self._lists.put_block(list_id, number, block))
            for row in block:
                index.add(row.get("email") or row["user_id"], number)
            number += 1
            if number % _TOLD_EVERY == 0:
                tell()
        self._lists.put_index(list_id, index, rows=report.good)
        return number, content.hexdigest()


class PassedPieces:
    """The pieces of a file, and how many bytes of them have passed."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self.bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.bytes += len(piece)
            yield piece


def _characters(row: Mapping[str, Any]) -> int:
    return sum(len(str(value)) for value in row.values())


def load_work(loader: ListLoader) -> Work:
    def work(body: str) -> Line:
        job = read_job(LoadJob, body)
        return Line(ids=[job.list_id], counts={loader.load(job.list_id): 1})

    return work
