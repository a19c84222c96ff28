"""Reads an uploaded list as a stream and stores its good rows in blocks, with an index of its addresses (ADR 0064)."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from chalicelib.campaigns.list_file import BadListError, ListReport, read_rows
from chalicelib.errors import Phrase
from chalicelib.isolation import portions
from chalicelib.states import ListState
from chalicelib.storage.list_index import ListIndex
from chalicelib.storage.recipient_lists import RecipientLists

BLOCK_ROWS = 500
# DynamoDB: 400 KB an item. What cannot be made smaller takes up to three bytes a character of its JSON.
_BLOCK_CHARACTERS = 100_000


class Uploads(Protocol):
    """Where uploads lie; `campaigns.uploads.S3Uploads` is one."""

    def pieces(self, list_id: str) -> Iterable[bytes] | None:
        """The uploaded file in pieces of some KB; None if there is none. Raises: UnavailableError (retryable)."""
        ...


class ListLoader:
    """Reads uploaded files. Loading a file again writes the same blocks."""

    def __init__(self, *, lists: RecipientLists, uploads: Uploads) -> None:
        self._lists = lists
        self._uploads = uploads

    def load(self, list_id: str) -> str:
        """Reads a list's file; returns the list's state then. An unreadable file makes a failed list, with the reason.
        Raises: NotFoundError (permanent), UnavailableError (retryable)."""
        found = self._lists.get(list_id)
        if found.state == ListState.READY:
            return found.state
        file, report = self._uploads.pieces(list_id), ListReport()
        blocks, content = 0, ""
        problem: Phrase | None = Phrase("no file was uploaded")
        if file is not None:
            try:
                blocks, content = self._write_blocks(list_id, read_rows(file, report), report)
                problem = None if report.good else Phrase("the file has no good row")
            except BadListError as error:
                report, problem = ListReport(), error.why
        loaded = found._replace(
            state=ListState.FAILED if problem else ListState.READY,
            problem=problem,
            row_count=report.good,
            content="" if problem else content,
            bad_count=report.bad,
            bad_lines=report.lines,
        )
        self._lists.finish_loading(loaded, blocks=0 if problem else blocks)
        return loaded.state

    def _write_blocks(self, list_id: str, rows: Iterable[Mapping[str, Any]], report: ListReport) -> tuple[int, str]:
        """How many blocks there are, and the digest of all rows."""
        content, number, index = hashlib.sha256(), 0, ListIndex()
        # In blocks that fit into a DynamoDB item, whatever the rows hold.
        for block in portions(rows, most=BLOCK_ROWS, room=_BLOCK_CHARACTERS, size=_characters):
            content.update(self._lists.put_block(list_id, number, block))
            for address in (row["email"] for row in block if row.get("email")):
                index.add(address, number)
            number += 1
        self._lists.put_index(list_id, index, rows=report.good)
        return number, content.hexdigest()


def _characters(row: Mapping[str, Any]) -> int:
    return sum(len(str(value)) for value in row.values())
