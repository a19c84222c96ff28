"""What was found in the file of a list: how many good lines, which bad ones, or why it cannot be read at all."""

from collections.abc import Sequence
from typing import NamedTuple

from chalicelib.errors import Phrase

SHOWN_BAD_LINES = 100


class BadListError(ValueError):
    """Permanent: the file as a whole cannot be read; `why` names the line."""

    def __init__(self, why: Phrase) -> None:
        super().__init__(why)
        self.why = why


def bad_line(number: int, why: Phrase) -> BadListError:
    """The same, because of one line."""
    return BadListError(Phrase("line {n}: {why}", n=number, why=why))


class LeftOut(NamedTuple):
    """A line that was left out, with what stands in it."""

    line: int
    message: Phrase
    cells: Sequence[str]


class ListReport:
    """What was found in a file; the first bad lines, at most `most`."""

    def __init__(self, *, most: int = SHOWN_BAD_LINES) -> None:
        self.good = 0
        self.bad = 0
        self.lines: list[LeftOut] = []
        self._most = most

    def refuse(self, line: int, message: Phrase, cells: Sequence[str] = ()) -> None:
        self.bad += 1
        if len(self.lines) < self._most:
            self.lines.append(LeftOut(line, message, cells))
