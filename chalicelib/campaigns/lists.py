"""Uploaded audiences: a CSV goes straight into S3 by a signed URL, the worker `load` reads it as a stream, and its good
rows are kept in blocks. Called by the API, by `functions/load.py` and by the fan-out.

An API call carries at most 256 KB (and API Gateway 10 MB): a list of a hundred thousand rows does not go through it.
"""

import csv
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chalicelib.campaigns.jobs import LoadJob
from chalicelib.clock import Clock, new_id, rfc3339
from chalicelib.control.queues import JobQueue, Outgoing
from chalicelib.errors import ConflictError, NotFoundError
from chalicelib.profiles.model import Locale, Name, Timezone, UserId
from chalicelib.storage.base import reaching_dynamodb
from chalicelib.storage.campaigns import BLOCK_PREFIX, HEAD_PART, ListRow
from chalicelib.storage.cursor import read_cursor, write_cursor

QUEUE = "load"
_LISTED = "lists"
BLOCK_ROWS = 500
MAX_ROWS = 1_000_000
MAX_LINE_CHARACTERS = 10_000
SHOWN_BAD_LINES = 100
_COLUMNS = ("user_id", "email", "name", "locale", "timezone")
_ADDRESS = r"^[^\s@,;<>()\"\x00-\x1f]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}\.)+[A-Za-z0-9-]{2,63}$"


class ListLine(BaseModel):
    """One row: a user of the directory by id, or an address with what is known of its owner. Every other column becomes
    an attribute, which letters may use as `user.attributes.<column>`."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    user_id: UserId | None = None
    email: str | None = Field(default=None, max_length=254, pattern=_ADDRESS)
    name: Name | None = None
    locale: Locale | None = None
    timezone: Timezone | None = None
    attributes: dict[str, str] | None = None


class Uploads(Protocol):
    """Where uploads lie; `campaigns.uploads.S3Uploads` is one."""

    def lines(self, list_id: str) -> Iterable[bytes] | None:
        """The uploaded file as a stream of lines; None where there is none. Raises: UnavailableError (retryable)."""
        ...


class BadListError(ValueError):
    """Permanent: the file as a whole cannot be read; the text says why and names the line."""


class ListStore:
    """The lists of one stage."""

    def __init__(self, *, queues: JobQueue, clock: Clock) -> None:
        self._queues = queues
        self._clock = clock

    def add(self, name: str, *, by: str) -> ListRow:
        """A new list that waits for its file. Raises: UnavailableError (retryable)."""
        row = ListRow(
            new_id(),
            HEAD_PART,
            listed=_LISTED,
            name=name,
            state="waiting",
            created_at=rfc3339(self._clock()),
            created_by=by,
        )
        with reaching_dynamodb():
            row.save()
        return row

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
        if row.state == "ready":
            raise ConflictError("the list is loaded; upload another one under a new id")
        with reaching_dynamodb():
            row.update(actions=[ListRow.state.set("loading"), ListRow.problem.remove()])
        self._queues.put(QUEUE, [Outgoing(LoadJob(list_id=list_id).model_dump_json())])
        return row

    def delete(self, list_id: str) -> None:
        """The rows, then the list; an upload that was never read is forgotten by its bucket. Raises: UnavailableError
        (retryable)."""
        with reaching_dynamodb():
            blocks = ListRow.query(
                list_id, ListRow.part.startswith(BLOCK_PREFIX), attributes_to_get=["list_id", "part"]
            )
            with ListRow.batch_write() as batch:
                for row in blocks:
                    batch.delete(row)
            with ListRow.batch_write() as batch:
                batch.delete(ListRow(list_id, HEAD_PART))

    def block(self, list_id: str, number: int) -> list[dict[str, Any]] | None:
        """The rows of one block; None behind the last. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            try:
                row = ListRow.get(list_id, _block_part(number))
            except ListRow.DoesNotExist:
                return None
        rows: list[dict[str, Any]] = json.loads(zlib.decompress(row.rows or b""))
        return rows


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
        file = self._uploads.lines(list_id)
        if file is None:
            return self._fail(head, "no file was uploaded")
        report = _Report()
        try:
            blocks = self._write_blocks(list_id, read_rows(file, report))
        except BadListError as error:
            return self._fail(head, str(error))
        if not report.good:
            return self._fail(head, "the file has no good row", report)
        self._finish(head, "ready", None, report, blocks)
        return "ready"

    def _write_blocks(self, list_id: str, rows: Iterable[Mapping[str, Any]]) -> int:
        number, block = 0, []
        for row in rows:
            block.append(row)
            if len(block) == BLOCK_ROWS:
                self._write(list_id, number, block)
                number, block = number + 1, []
        if block:
            self._write(list_id, number, block)
            number += 1
        return number

    def _write(self, list_id: str, number: int, block: list[Mapping[str, Any]]) -> None:
        packed = zlib.compress(json.dumps(block, ensure_ascii=False, separators=(",", ":")).encode())
        with reaching_dynamodb():
            ListRow(list_id, _block_part(number), rows=packed).save()

    def _fail(self, head: ListRow, problem: str, report: "_Report | None" = None) -> str:
        self._finish(head, "failed", problem, report or _Report(), 0)
        return "failed"

    def _finish(self, head: ListRow, state: str, problem: str | None, report: "_Report", blocks: int) -> None:
        with reaching_dynamodb():
            head.update(
                actions=[
                    ListRow.state.set(state),
                    ListRow.problem.set(problem) if problem else ListRow.problem.remove(),
                    ListRow.row_count.set(report.good),
                    ListRow.blocks.set(blocks),
                    ListRow.bad_count.set(report.bad),
                    ListRow.bad_lines.set(report.lines),
                    ListRow.loaded_at.set(rfc3339(self._clock())),
                ]
            )


class _Report:
    """What was found in a file; the first bad lines with their numbers, never with what they hold."""

    def __init__(self) -> None:
        self.good = 0
        self.bad = 0
        self.lines: list[dict[str, Any]] = []

    def refuse(self, line: int, message: str) -> None:
        self.bad += 1
        if len(self.lines) < SHOWN_BAD_LINES:
            self.lines.append({"line": line, "message": message})


def read_rows(file: Iterable[bytes], report: _Report) -> Iterator[dict[str, Any]]:
    """The good rows, in order and each recipient once; the others go into the report. Holds a few bytes of each
    recipient and never the file. Raises: BadListError (permanent)."""
    lines = _lines(file)
    first = next(lines, "")
    # Spreadsheets write semicolons where the comma is the decimal sign.
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(chain([first], lines), strict=True, delimiter=delimiter)
    seen: set[bytes] = set()
    try:
        header = _header(next(reader, None))
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            row = _row(header, cells, reader.line_num, report)
            if row is not None and _is_new(row, reader.line_num, seen, report):
                report.good += 1
                if report.good > MAX_ROWS:
                    raise BadListError(f"over {MAX_ROWS} rows: split the list")
                yield row
    except csv.Error as error:
        raise BadListError(f"line {reader.line_num}: not CSV: {error}") from error


def _lines(file: Iterable[bytes]) -> Iterator[str]:
    for number, line in enumerate(file, start=1):
        if len(line) > 4 * MAX_LINE_CHARACTERS:
            raise BadListError(f"line {number}: over {MAX_LINE_CHARACTERS} characters")
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise BadListError(f"line {number}: not in UTF-8; save the file as CSV UTF-8") from error


def _header(cells: list[str] | None) -> list[str]:
    names = [cell.strip().lower() for cell in cells or ()]
    if not {"user_id", "email"} & set(names):
        raise BadListError("line 1: expected a header with a column user_id or email")
    if len(set(names)) < len(names) or "" in names or len(names) > 50:
        raise BadListError("line 1: expected at most 50 columns, each with a name of its own")
    return names


def _row(header: list[str], cells: list[str], line: int, report: _Report) -> dict[str, Any] | None:
    if len(cells) != len(header):
        report.refuse(line, f"expected {len(header)} columns, got {len(cells)}")
        return None
    given: dict[str, Any] = {name: cell.strip() for name, cell in zip(header, cells, strict=True) if cell.strip()}
    attributes = {name: given.pop(name) for name in header if name in given and name not in _COLUMNS}
    if "user_id" in given:
        given = {name: given[name] for name in ("user_id", "timezone") if name in given}  # the directory knows the rest
    elif attributes:
        given["attributes"] = attributes
    try:
        row = ListLine.model_validate(given)
    except ValidationError as error:
        wrong = ", ".join(dict.fromkeys(str(mistake["loc"][0]) for mistake in error.errors()))
        report.refuse(line, f"not as expected: {wrong}")
        return None
    if row.user_id is None and row.email is None:
        report.refuse(line, "neither user_id nor email")
        return None
    return row.model_dump(exclude_none=True)


def _is_new(row: Mapping[str, Any], line: int, seen: set[bytes], report: _Report) -> bool:
    key = f"user:{row['user_id']}" if "user_id" in row else f"address:{row['email'].lower()}"
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    if digest in seen:
        report.refuse(line, "this recipient was on the list before")
        return False
    seen.add(digest)
    return True


def _block_part(number: int) -> str:
    return f"{BLOCK_PREFIX}{number:06}"
