"""The lines of a list, and their cells, as spreadsheets write them."""

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING

from chalicelib.errors import Phrase

if TYPE_CHECKING:
    from _csv import Reader

MAX_LINE_CHARACTERS = 10_000
MAX_LINE_BYTES = 4 * MAX_LINE_CHARACTERS  # UTF-8: at most four bytes a character
ENDLESS_BYTES = 1_000_000  # a line that is left out; beyond that the file is none of lines
SEPARATORS = ",;\t|"
NOT_UTF8 = Phrase("not in UTF-8; save the file as CSV UTF-8")
_NOTHING = f'{SEPARATORS} "\r\n\ufeff'
_LEADING = 1000  # empty lines before the first that holds anything
_SAID = re.compile(r'"?sep=([,;\t|])"?\s*', re.IGNORECASE)


def csv_reader(lines: Iterator[str], *, strict: bool, separator: str | None = None) -> "Reader":
    """Reads as spreadsheets write: semicolons where the comma is the decimal sign, tabs when copied, as the first line
    shows; some add a line of their own, `sep=;`, which is skipped. Raises: csv.Error."""
    leading = list(islice(_leading(lines), _LEADING))
    first = leading[-1]
    said = _SAID.fullmatch(first)
    delimiter = separator or (said[1] if said else max(SEPARATORS, key=lambda one: _cells(first, one)))
    reader = csv.reader(chain(leading, lines), strict=strict, delimiter=delimiter)
    if said:
        any(any(cells) for cells in reader)  # up to the line itself
    return reader


def _leading(lines: Iterator[str]) -> Iterator[str]:
    """The lines up to the first that holds anything, or an empty one at the end."""
    for line in lines:
        yield line
        if line.strip(_NOTHING):
            return
    yield ""


def _cells(line: str, separator: str) -> int:
    try:
        return len(next(csv.reader([line], delimiter=separator), ()))
    except csv.Error:
        return 0


def line_text(line: bytes, *, first: bool) -> tuple[str, Phrase | None]:
    """The text of a line, or an empty line and why it has none."""
    if len(line) > MAX_LINE_BYTES:
        return "\n", Phrase("over {most} characters", most=MAX_LINE_CHARACTERS)
    try:
        return line.decode("utf-8-sig" if first else "utf-8"), None
    except UnicodeDecodeError:
        return "\n", NOT_UTF8


def split_lines(pieces: Iterable[bytes], *, cut: bool) -> Iterator[bytes]:
    """The lines of a file. Of an endless one only enough is kept to report it; nothing follows it."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).splitlines(keepends=True) or [b""]
        yield from whole
        if len(rest) > ENDLESS_BYTES:
            break
    if rest and not cut:
        yield rest
