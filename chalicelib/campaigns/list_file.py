"""Reads the CSV file of an uploaded list as a stream, as Excel, Google Sheets and their like write it."""

import csv
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple, Self

from pydantic import ValidationError

from chalicelib.addresses import same_address_key
from chalicelib.campaigns.list_columns import ATTRIBUTE, checked, guessed, is_header, mapped
from chalicelib.campaigns.list_encoding import Encoding, in_utf8
from chalicelib.campaigns.list_lines import (
    ENDLESS_BYTES,
    MAX_LINE_BYTES,
    MAX_LINE_CHARACTERS,
    NOT_UTF8,
    csv_reader,
    line_text,
    split_lines,
)
from chalicelib.campaigns.list_report import SHOWN_BAD_LINES, BadListError, ListReport, bad_line
from chalicelib.errors import Phrase, phrase_of
from chalicelib.locales import Locale
from chalicelib.profiles.model import Email, Name, Timezone, UserId
from chalicelib.schemas import StrictModel
from chalicelib.text import normal_text

MAX_ROWS = 1_000_000
_LOOKED_AT = 50  # rows that show which column holds addresses
_SHOWN_BYTES = 200  # of a line of which no text can be made
_WRONG = {
    "email": Phrase("not an e-mail address such as anna@example.com"),
    "user_id": Phrase("not a user id"),
    "name": Phrase("the name is over 200 characters"),
    "locale": Phrase("not a language such as ru or en"),
    "timezone": Phrase("not a time zone such as Europe/Moscow"),
}
# What people call the languages of the letters; a tag such as `ru` needs no entry.
_LANGUAGES = {"русский": "ru", "russian": "ru", "английский": "en", "english": "en", "українська": "uk"}


class Reading(NamedTuple):
    """How a file is to be read where its bytes do not decide: see `list_columns.Column` for `columns`."""

    encoding: Encoding | None = None
    separator: str | None = None
    columns: Mapping[str, str | None] = {}

    @classmethod
    def of(cls, kept: Mapping[str, Any] | None) -> Self:
        """The inverse of `kept`."""
        kept = kept or {}
        encoding = kept.get("encoding")
        return cls(Encoding(encoding) if encoding else None, kept.get("separator"), kept.get("columns") or {})

    def kept(self) -> dict[str, Any] | None:
        """As it is stored; None: nothing was said."""
        said = {"encoding": self.encoding, "separator": self.separator, "columns": dict(sorted(self.columns.items()))}
        return {name: value for name, value in said.items() if value} or None


AS_IT_SHOWS = Reading()


class ListLine(StrictModel):
    """One row: a user of the directory by id, or an address with what is known about its owner. Letters may use
    attributes as `user.attributes.<name>`."""

    user_id: UserId | None = None
    email: Email | None = None
    name: Name | None = None
    locale: Locale | None = None
    timezone: Timezone | None = None
    attributes: dict[str, str] | None = None


class ListFile:
    """A file whose first lines have been read, so that its `columns` are known; then its `rows`, once. Keeps a few
    bytes per recipient, never the file."""

    def __init__(
        self, pieces: Iterable[bytes], report: ListReport, reading: Reading = AS_IT_SHOWS, *, cut: bool = False
    ) -> None:
        """`cut`: the pieces are only the beginning, and what may not be whole is left. Raises: BadListError
        (permanent)."""
        self._report, self._reading, self._cut, self._ended = report, reading, cut, False
        lines = self._lines(in_utf8(pieces, reading.encoding))
        self._reader = csv_reader(lines, strict=True, separator=reading.separator)
        self.separator = self._reader.dialect.delimiter
        first = self._first()
        self.header = is_header(first)
        self._ahead = list(islice(self._records(), _LOOKED_AT))
        if not self.header:
            self._ahead.insert(0, (self._reader.line_num, first))
        shown = [cells for _, cells in self._ahead]
        titles = first[: _filled(first)] if self.header else [""] * max(map(_filled, shown))
        self.columns = mapped(guessed(titles, shown), reading.columns)
        self.samples = [cells for cells in shown if _filled(cells)]

    def as_read(self) -> dict[str, Any] | None:
        """How it is read, with what was guessed, as `Reading.kept`."""
        columns = {column.name: column.target for column in self.columns}
        return self._reading._replace(separator=self.separator, columns=columns).kept()

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """The filled lines under the header, each with its number. Raises: BadListError (permanent)."""
        return ((line, cells) for line, cells in chain(self._ahead, self._records()) if _filled(cells))

    def rows(self) -> Iterator[dict[str, Any]]:
        """The good rows, in order and each recipient once; the others go into the report. Raises: BadListError
        (permanent)."""
        targets = [(n, column.target) for n, column in enumerate(checked(self.columns)) if column.target]
        report, seen = self._report, set[bytes]()
        for line, cells in self.records():
            if _filled(cells) > len(self.columns):
                why = Phrase("expected {wanted} columns, got {found}", wanted=len(self.columns), found=_filled(cells))
                report.refuse(line, why, cells)
                continue
            row, wrong = _row({target: cells[n] for n, target in targets if n < len(cells)})
            wrong = wrong or _again(row, seen)
            if wrong is not None:
                report.refuse(line, wrong, cells)
                continue
            report.good += 1
            if report.good > MAX_ROWS:
                raise BadListError(Phrase("over {most} rows: split the list", most=MAX_ROWS))
            yield row

    def _first(self) -> list[str]:
        try:
            for cells in self._reader:
                if _filled(cells):
                    return cells
        except csv.Error as error:
            raise bad_line(1, Phrase("not CSV: {why}", why=phrase_of(error))) from error
        raise BadListError(Phrase("the file is empty"))

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """A line with a wrong quote is reported and left out; where a quote has swallowed the lines after it, nobody
        can say where the next record begins."""
        reader = self._reader
        while True:
            before = reader.line_num
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                if self._cut and self._ended:
                    return
                if reader.line_num > before + 1:
                    why = Phrase("a quote is not closed")
                    raise bad_line(before + 1, Phrase("not CSV: {why}", why=why)) from error
                self._report.refuse(reader.line_num, Phrase("not CSV: {why}", why=phrase_of(error)))
                continue
            yield reader.line_num, cells

    def _lines(self, pieces: Iterable[bytes]) -> Iterator[str]:
        """The lines of a file. An unreadable one is reported and replaced by an empty one; if many are not UTF-8, the
        file is not."""
        strange: list[int] = []
        number = 0
        for number, line in enumerate(split_lines(pieces, cut=self._cut), start=1):
            if len(line) > (MAX_LINE_BYTES if number == 1 else ENDLESS_BYTES):
                raise bad_line(number, Phrase("over {most} characters", most=MAX_LINE_CHARACTERS))
            text, why = line_text(line, first=number == 1)
            if why is not None:
                strange += [number] if why is NOT_UTF8 else []
                self._report.refuse(number, why, [line[:_SHOWN_BYTES].decode(errors="replace").strip()])
            if strange and (strange[0] == 1 or len(strange) > SHOWN_BAD_LINES):
                break
            yield text
        self._ended = True
        if strange and (strange[0] == 1 or len(strange) > min(SHOWN_BAD_LINES, (number - 1) / 2)):
            raise bad_line(strange[0], NOT_UTF8)


def _filled(cells: Sequence[str]) -> int:
    """The number of columns without the empty ones at the end, which spreadsheets write for unused columns."""
    return max((n for n, cell in enumerate(cells, start=1) if cell.strip()), default=0)


def _row(cells: Mapping[str, str]) -> tuple[dict[str, Any], Phrase | None]:
    """The recipient in the cells by target, or why there is none."""
    given: dict[str, Any] = {target: text for target, cell in cells.items() if (text := normal_text(cell))}
    attributes = {name.removeprefix(ATTRIBUTE): given.pop(name) for name in [*given] if name.startswith(ATTRIBUTE)}
    if "user_id" in given:
        given = {name: given[name] for name in ("user_id", "timezone") if name in given}  # the directory knows the rest
    elif attributes:
        given["attributes"] = attributes
    if "locale" in given:
        given["locale"] = _LANGUAGES.get(given["locale"].casefold(), given["locale"])
    try:
        row = ListLine.model_validate(given)
    except ValidationError as error:
        return {}, _WRONG[str(error.errors()[0]["loc"][0])]
    if row.user_id is None and row.email is None:
        return {}, Phrase("neither an address nor a user id")
    return row.model_dump(exclude_none=True), None


def _again(row: Mapping[str, Any], seen: set[bytes]) -> Phrase | None:
    key = f"user:{row['user_id']}" if "user_id" in row else f"address:{same_address_key('email', row['email'])}"
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    if digest in seen:
        return Phrase("this recipient is on the list already")
    seen.add(digest)
    return None
