"""Reads the CSV file of an uploaded list as a stream."""

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from chalicelib.addresses import same_address_key
from chalicelib.errors import Phrase, phrase_of
from chalicelib.locales import Locale
from chalicelib.profiles.model import Email, Name, Timezone, UserId
from chalicelib.schemas import StrictModel
from chalicelib.text import normal_text, one_line

if TYPE_CHECKING:
    from _csv import Reader

MAX_ROWS = 1_000_000
MAX_LINE_CHARACTERS = 10_000
MAX_LINE_BYTES = 4 * MAX_LINE_CHARACTERS  # UTF-8: at most four bytes a character
_ENDLESS_BYTES = 1_000_000  # a line that is left out; beyond that the file is none of lines
SHOWN_BAD_LINES = 100
_NOT_UTF8 = Phrase("not in UTF-8; save the file as CSV UTF-8")
_SAID = re.compile(r"sep=([,;\t])\s*", re.IGNORECASE)
_COLUMNS = ("user_id", "email", "name", "locale", "timezone")


class BadListError(ValueError):
    """Permanent: the file as a whole cannot be read; `why` names the line."""

    def __init__(self, why: Phrase) -> None:
        super().__init__(why)
        self.why = why


class ListLine(StrictModel):
    """One row: a user of the directory by id, or an address with what is known about its owner. Every other column
    becomes an attribute, which letters may use as `user.attributes.<column>`."""

    user_id: UserId | None = None
    email: Email | None = None
    name: Name | None = None
    locale: Locale | None = None
    timezone: Timezone | None = None
    attributes: dict[str, str] | None = None


class ListReport:
    """What was found in a file; the first bad lines by number, without their content."""

    def __init__(self) -> None:
        self.good = 0
        self.bad = 0
        self.lines: list[dict[str, Any]] = []

    def refuse(self, line: int, message: Phrase) -> None:
        self.bad += 1
        if len(self.lines) < SHOWN_BAD_LINES:
            self.lines.append({"line": line, "message": message})


def csv_reader(lines: Iterator[str], *, strict: bool) -> "Reader":
    """Reads as spreadsheets write: semicolons where the comma is the decimal sign, tabs when copied, as the first line
    shows; some add a line of their own, `sep=;`, which is skipped. Raises: csv.Error."""
    first = next(lines, "")
    said = _SAID.fullmatch(first)
    delimiter = said[1] if said else max(",;\t", key=first.count)
    reader = csv.reader(chain([first], lines), strict=strict, delimiter=delimiter)
    if said:
        next(reader)
    return reader


def read_rows(pieces: Iterable[bytes], report: ListReport) -> Iterator[dict[str, Any]]:
    """The good rows, in order and each recipient once; the others go into the report. Keeps a few bytes per recipient,
    never the file. Raises: BadListError (permanent)."""
    reader = csv_reader(_lines(pieces, report), strict=True)
    seen: set[bytes] = set()
    header = _header(reader)
    for cells in _records(reader, report):
        if not any(cell.strip() for cell in cells):
            continue
        row = _row(header, cells, reader.line_num, report)
        if row is not None and _is_new(row, reader.line_num, seen, report):
            report.good += 1
            if report.good > MAX_ROWS:
                raise BadListError(Phrase("over {most} rows: split the list", most=MAX_ROWS))
            yield row


def _records(reader: "Reader", report: ListReport) -> Iterator[list[str]]:
    """The records of a file. A line with a wrong quote is reported and left out; where a quote has swallowed the lines
    after it, nobody can say where the next record begins."""
    while True:
        before = reader.line_num
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if reader.line_num > before + 1:
                raise _bad_line(before + 1, Phrase("not CSV: {why}", why=Phrase("a quote is not closed"))) from error
            report.refuse(reader.line_num, Phrase("not CSV: {why}", why=phrase_of(error)))


def _lines(pieces: Iterable[bytes], report: ListReport) -> Iterator[str]:
    """The lines of a file. An unreadable one is reported and replaced by an empty one; if many are not UTF-8, the file
    is not."""
    strange: list[int] = []
    number = 0
    for number, line in enumerate(_split(pieces), start=1):
        if len(line) > (MAX_LINE_BYTES if number == 1 else _ENDLESS_BYTES):
            raise _bad_line(number, Phrase("over {most} characters", most=MAX_LINE_CHARACTERS))
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            strange.append(number)
            report.refuse(number, _NOT_UTF8)
            text = "\n"
        if len(line) > MAX_LINE_BYTES:
            report.refuse(number, Phrase("over {most} characters", most=MAX_LINE_CHARACTERS))
            text = "\n"
        if strange and (strange[0] == 1 or len(strange) > SHOWN_BAD_LINES):
            break
        yield text
    if strange and (strange[0] == 1 or len(strange) > min(SHOWN_BAD_LINES, (number - 1) / 2)):
        raise _bad_line(strange[0], _NOT_UTF8)


def _split(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a file. Of an endless one only enough is kept to report it; nothing follows it."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).splitlines(keepends=True) or [b""]
        yield from whole
        if len(rest) > _ENDLESS_BYTES:
            break
    if rest:
        yield rest


def _header(reader: "Reader") -> list[str]:
    try:
        names = [one_line(cell).lower() for cell in next(reader, ())]
    except csv.Error as error:
        raise _bad_line(1, Phrase("not CSV: {why}", why=phrase_of(error))) from error
    names = names[: _filled(names)]
    if not {"user_id", "email"} & set(names):
        raise _bad_line(1, Phrase("expected a header with a column user_id or email"))
    if len(set(names)) < len(names) or "" in names or len(names) > 50:
        raise _bad_line(1, Phrase("expected at most 50 columns, each with a name of its own"))
    return names


def _bad_line(number: int, why: Phrase) -> BadListError:
    return BadListError(Phrase("line {n}: {why}", n=number, why=why))


def _filled(cells: list[str]) -> int:
    """The number of columns without the empty ones at the end, which spreadsheets write for unused columns."""
    return max((n for n, cell in enumerate(cells, start=1) if cell.strip()), default=0)


def _row(header: list[str], cells: list[str], line: int, report: ListReport) -> dict[str, Any] | None:
    cells = cells[: max(len(header), _filled(cells))]
    if len(cells) != len(header):
        report.refuse(line, Phrase("expected {wanted} columns, got {found}", wanted=len(header), found=len(cells)))
        return None
    given: dict[str, Any] = {
        name: text for name, cell in zip(header, cells, strict=True) if (text := normal_text(cell))
    }
    attributes = {name: given.pop(name) for name in header if name in given and name not in _COLUMNS}
    if "user_id" in given:
        given = {name: given[name] for name in ("user_id", "timezone") if name in given}  # the directory knows the rest
    elif attributes:
        given["attributes"] = attributes
    try:
        row = ListLine.model_validate(given)
    except ValidationError as error:
        wrong = ", ".join(dict.fromkeys(str(mistake["loc"][0]) for mistake in error.errors()))
        report.refuse(line, Phrase("not as expected: {names}", names=wrong))
        return None
    if row.user_id is None and row.email is None:
        report.refuse(line, Phrase("neither user_id nor email"))
        return None
    return row.model_dump(exclude_none=True)


def _is_new(row: Mapping[str, Any], line: int, seen: set[bytes], report: ListReport) -> bool:
    key = f"user:{row['user_id']}" if "user_id" in row else f"address:{same_address_key('email', row['email'])}"
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    if digest in seen:
        report.refuse(line, Phrase("this recipient is on the list already"))
        return False
    seen.add(digest)
    return True
