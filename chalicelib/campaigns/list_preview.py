"""What an uploaded file looks like before it is read: its columns with their meaning, and how its first lines fare."""

from collections.abc import Sequence
from typing import NamedTuple

from chalicelib.campaigns.list_columns import Column
from chalicelib.campaigns.list_encoding import HEAD_BYTES, Encoding, encoding_of
from chalicelib.campaigns.list_file import AS_IT_SHOWS, ListFile, Reading
from chalicelib.campaigns.list_report import BadListError, LeftOut, ListReport
from chalicelib.campaigns.list_uploads import FilePiece, Uploads
from chalicelib.errors import ConflictError, InvalidError, Phrase
from chalicelib.text import one_line

SAMPLES = 5
_SHOWN_CHARACTERS = 80  # of a cell


class ListPreview(NamedTuple):
    """`whole`: the file is not longer than what was looked at; `samples`: the first lines, as the columns cut them."""

    encoding: Encoding
    separator: str
    header: bool
    columns: Sequence[Column]
    samples: Sequence[Sequence[str]]
    good: int
    bad: int
    bad_lines: Sequence[LeftOut]
    whole: bool
    size_bytes: int
    problem: Phrase | None  # why it would be refused as a whole, read in this way


def preview_list(list_id: str, reading: Reading = AS_IT_SHOWS, *, uploads: Uploads) -> ListPreview:
    """Looks at the first 64 KB of an upload. Raises: ConflictError (permanent: nothing was uploaded), InvalidError
    (permanent: no lines can be made of it), UnavailableError (retryable)."""
    head = uploads.head(list_id, HEAD_BYTES)
    if head is None:
        raise ConflictError(Phrase("no file was uploaded"))
    try:
        return _preview(head, reading)
    except BadListError as error:
        raise InvalidError.of("file", error.why) from error


def check_file(content: bytes) -> None:
    """Raises: InvalidError (permanent): no lines can be made of a file."""
    try:
        _preview(FilePiece(content[:HEAD_BYTES], len(content)), AS_IT_SHOWS)
    except BadListError as error:
        raise InvalidError.of("file", error.why) from error


def check_reading(list_id: str, reading: Reading, *, uploads: Uploads) -> None:
    """Raises: InvalidError (permanent: the file cannot be read in this way), and what `preview_list` does."""
    problem = preview_list(list_id, reading, uploads=uploads).problem
    if problem is not None:
        raise InvalidError.of("columns", problem)


def _preview(head: FilePiece, reading: Reading) -> ListPreview:
    whole, report = len(head.content) >= head.whole_bytes, ListReport()
    file = ListFile([head.content], report, reading, cut=not whole)
    problem = None
    try:
        for _ in file.rows():
            pass
    except BadListError as error:
        problem = error.why
    width = len(file.columns)
    return ListPreview(
        encoding=reading.encoding or encoding_of(head.content) or Encoding.UTF_8,
        separator=file.separator,
        header=file.header,
        columns=file.columns,
        samples=[_shown(cells, width) for cells in file.samples[:SAMPLES]],
        good=report.good,
        bad=report.bad,
        bad_lines=report.lines,
        whole=whole,
        size_bytes=head.whole_bytes,
        problem=problem,
    )


def _shown(cells: Sequence[str], width: int) -> list[str]:
    return [one_line(cell)[:_SHOWN_CHARACTERS] for cell in [*cells, *[""] * width][:width]]
