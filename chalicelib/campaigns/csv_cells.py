"""CSV as spreadsheets open it without harm: RFC 4180, and no cell that one of them would compute (OWASP, "CSV
Injection")."""

import csv
import io
from collections.abc import Iterable

BOM = "\ufeff"  # without it Excel takes UTF-8 for the code page of the country
_COMPUTED = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def csv_lines(rows: Iterable[Iterable[str]], *, separator: str = ",") -> bytes:
    """The rows as lines. What a spreadsheet would take for a formula begins with an apostrophe."""
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\r\n").writerows(
        [[harmless(cell) for cell in row] for row in rows]
    )
    return text.getvalue().encode()


def harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_COMPUTED) else cell
