"""The lines of a list that were left out, as they are kept for a week: one JSON a line, the first about the file."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.campaigns.csv_cells import BOM, csv_lines
from chalicelib.campaigns.list_file import ListFile
from chalicelib.campaigns.list_report import LeftOut, ListReport
from chalicelib.campaigns.list_uploads import Uploads
from chalicelib.errors import Phrase, restored, stored
from chalicelib.storage.cursor import foreign_cursor, read_place, whole, write_cursor

MAX_KEPT = 10_000
_ROOM = 1_000_000  # characters of all cells: the download is one answer of a function
_CELL, _CELLS = 200, 2000  # characters of one, and of a line
PIECE_BYTES = 64 * 1024


def refused_lines(file: ListFile, report: ListReport) -> bytes:
    """What is kept of them."""
    about = {"columns": [one.name for one in file.columns], "separator": file.separator}
    out, room = [json.dumps(about, ensure_ascii=False)], _ROOM
    for one in report.lines:
        cells = _cut(one.cells)
        room -= sum(map(len, cells))
        if room < 0:
            break
        kept = {"line": one.line, "why": stored(one.message), "cells": cells}
        out.append(json.dumps(kept, ensure_ascii=False))
    return "\n".join([*out, ""]).encode()


def refused_page(
    list_id: str, *, limit: int, cursor: str | None = None, uploads: Uploads
) -> tuple[Sequence[LeftOut], str | None]:
    """Some of them in the order of the file, and the cursor of the rest. None of a list that has none, or no longer.
    Raises: InvalidError (permanent: a foreign cursor), UnavailableError (retryable)."""
    scope = f"refused\n{list_id}"
    start = read_place(cursor, scope=scope, read=lambda one: whole(one["at"])) if cursor else 0
    piece = uploads.refused(list_id, start=start, most=PIECE_BYTES)
    if piece is None:
        return [], None
    try:
        lines, after = _read(piece.content, start=start, end=piece.whole_bytes, most=limit)
    except ValueError as error:  # no line begins there
        raise foreign_cursor() from error
    return lines, write_cursor({"at": after}, scope=scope) if after else None


def _read(piece: bytes, *, start: int, end: int, most: int) -> tuple[list[LeftOut], int | None]:
    """The first lines in a piece that begins at `start`, and where the next one does. Raises: ValueError: none does
    there."""
    found: list[LeftOut] = []
    at = start
    for line in piece.splitlines(keepends=True):
        if not line.endswith(b"\n") or len(found) == most:
            break
        kept = json.loads(line)
        if not isinstance(kept, dict):
            raise ValueError("no line of a list")
        if "columns" not in kept:
            found.append(_line(kept))
        at += len(line)
    return found, at if at < end else None


def as_csv(content: bytes, *, titles: Sequence[str], said: Callable[[Phrase], str]) -> str:
    """A table for the program that wrote the file: the line's number, why it was left out, and its cells, none of which
    is a formula there."""
    first, *lines = map(json.loads, content.splitlines())
    rows = ((str(one.line), said(one.message), *one.cells) for one in map(_line, lines))
    return BOM + csv_lines([[*titles, *first["columns"]], *rows], separator=first["separator"]).decode()


def _line(kept: Mapping[str, Any]) -> LeftOut:
    return LeftOut(kept["line"], Phrase("{why}", why=restored(kept["why"], text="")), kept["cells"])


def _cut(cells: Sequence[str]) -> list[str]:
    kept, room = [], _CELLS
    for cell in cells:
        kept.append(cell[: min(_CELL, room)])
        room -= len(kept[-1])
    return kept
