"""In which encoding a list was saved. What arrives becomes UTF-8 piece by piece: all that follows reads one."""

import codecs
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import chain

from chalicelib.campaigns.list_report import BadListError
from chalicelib.errors import Phrase

HEAD_BYTES = 64 * 1024  # what a guess is made from


class Encoding(StrEnum):
    """What Excel, Google Sheets and their like write, by its usual name; Python knows each by it."""

    UTF_8 = "utf-8"
    UTF_16_LE = "utf-16-le"  # Excel: Unicode text
    UTF_16_BE = "utf-16-be"
    WINDOWS_1251 = "windows-1251"  # Excel: CSV, where Windows is Russian
    WINDOWS_1252 = "windows-1252"  # the same in the West
    CP866 = "cp866"  # Excel: CSV (MS-DOS)
    MAC_CYRILLIC = "mac-cyrillic"  # Excel: CSV (Macintosh)


_MARKS = {codecs.BOM_UTF8: Encoding.UTF_8, b"\xff\xfe": Encoding.UTF_16_LE, b"\xfe\xff": Encoding.UTF_16_BE}
_SAVE = Phrase("save the sheet as CSV (Excel: CSV UTF-8; Google Sheets: Download → CSV) and upload that file")
_OTHER_FILES = {
    b"PK\x03\x04": Phrase("this is a workbook, not CSV: {do}", do=_SAVE),  # xlsx, ods, numbers
    b"\xd0\xcf\x11\xe0": Phrase("this is a workbook, not CSV: {do}", do=_SAVE),  # xls
    b"%PDF": Phrase("this is a PDF, not CSV: {do}", do=_SAVE),
}
_PAGES = (b"<!doctype", b"<html", b"<table", b"<?xml")
_NO_TEXT = Phrase("no text can be made of this file: {do}", do=_SAVE)
_CYRILLIC = frozenset("абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґ")
_ONE_BYTE = (Encoding.WINDOWS_1251, Encoding.CP866, Encoding.MAC_CYRILLIC, Encoding.WINDOWS_1252)
_DAMAGED = 10  # of so many lines beyond ASCII one is UTF-8 by chance at most
_ZEROS = 0.2  # of the characters of a list, in UTF-16: separators, digits, addresses


def in_utf8(pieces: Iterable[bytes], encoding: Encoding | None = None) -> Iterator[bytes]:
    """The same text in UTF-8; what is in UTF-8 already stays as it is, damaged or not. None: as the bytes show. Raises:
    BadListError (permanent): it is no text."""
    pieces = iter(pieces)
    while encoding is None:
        head = _taken(pieces)
        if not head:
            return
        encoding = encoding_of(head)
        if encoding is None:
            yield head  # ASCII so far: the same in each of them
        else:
            pieces = chain([head], pieces)
    if encoding is Encoding.UTF_8:
        yield from pieces
        return
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    for piece in pieces:
        yield decoder.decode(piece).encode()
    yield decoder.decode(b"", final=True).encode()


def encoding_of(head: bytes) -> Encoding | None:
    """What the first bytes of a file are written in; None: they are ASCII, which says nothing of the rest. Raises:
    BadListError (permanent): it is no text."""
    for mark, why in _OTHER_FILES.items():
        if head.startswith(mark):
            raise BadListError(why)
    if head.lstrip()[:20].lower().startswith(_PAGES):
        raise BadListError(Phrase("this is a web page, not CSV: {do}", do=_SAVE))
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            return encoding
    if b"\0" in head and (wide := _wide(head)):
        return wide
    if head.isascii():
        return None
    return Encoding.UTF_8 if _is_utf8(head) else _one_byte(head)


def _taken(pieces: Iterator[bytes]) -> bytes:
    head = bytearray()
    for piece in pieces:
        head += piece
        if len(head) >= HEAD_BYTES:
            break
    return bytes(head)


def _wide(head: bytes) -> Encoding | None:
    """UTF-16 without a mark: one byte of most pairs is zero, always the same one."""
    first, second = head[0::2].count(0), head[1::2].count(0)
    if min(first, second) or max(first, second) < _ZEROS * len(head) / 2:
        return None
    return Encoding.UTF_16_LE if second else Encoding.UTF_16_BE


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # its last character may be cut
    except UnicodeDecodeError:
        lines = [line for line in head.splitlines() if not line.isascii()]
        whole = sum(_is_whole(line) for line in lines)
        return whole * _DAMAGED > len(lines)
    return True


def _is_whole(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _one_byte(head: bytes) -> Encoding:
    """The one that makes letters of most bytes: whole words of Russian ones, or single ones among Latin letters."""
    scores = {one: _score(head.decode(one, errors="replace"), one) for one in _ONE_BYTE}
    best = max(_ONE_BYTE, key=scores.__getitem__)
    if scores[best] <= 0:
        raise BadListError(_NO_TEXT)
    return best


def _score(text: str, encoding: Encoding) -> int:
    score = 0
    for before, character, after in zip(" " + text, text, text[1:] + " ", strict=False):
        if character.isascii():
            continue
        among_latin = _is_latin(before) or _is_latin(after)
        if encoding is Encoding.WINDOWS_1252:
            score += 1 if character.isalpha() and among_latin else -1
        else:
            score += 1 if character.lower() in _CYRILLIC and not among_latin else -1
    return score


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalpha()
