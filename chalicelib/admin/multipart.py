"""Forms with files (RFC 7578), as browsers send them: split at their boundary once, so that the work grows with the
form's size, whatever it contains. Nested parts, encodings and comments of mail are not supported."""

import re
from collections.abc import Mapping, Sequence

from chalicelib.errors import InvalidError, Phrase
from chalicelib.text import normal_source

KIND = "multipart/form-data"
_BOUNDARY = re.compile(
    r""";\s*boundary=(?:"([\w'()+,./:=? -]{1,70})"|([\w'+./-]{1,70}))\s*(?:;|$)""", re.ASCII | re.IGNORECASE
)
_DISPOSITION = re.compile(rb"\r\ncontent-disposition:[ \t]*form-data[ \t]*(;[^\r\n]*)", re.IGNORECASE)
_PARAMETER = re.compile(rb';[ \t]*([a-z*]+)="([^"\r\n]*)"', re.IGNORECASE)
_MAX_HEAD_BYTES = 4096


def read_multipart(raw: bytes, kind: str, *, most: int) -> tuple[Mapping[str, Sequence[str]], Mapping[str, bytes]]:
    """The fields and the files, at most `most` of both. Raises: InvalidError (permanent)."""
    form: dict[str, list[str]] = {}
    files: dict[str, bytes] = {}
    boundary = _BOUNDARY.search(kind)
    if boundary is None:
        raise _unexpected()
    line = b"\r\n--" + (boundary[1] or boundary[2]).encode()
    parts = (b"\r\n" + raw).split(line, most + 2)
    if len(parts) > most + 2 or not parts[-1].startswith(b"--"):
        raise _unexpected()
    for part in parts[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name, is_file = _named(head)
        if is_file:
            files[name] = content
        else:
            form.setdefault(name, []).append(normal_source(content.decode(errors="replace")))
    return form, files


def _named(head: bytes) -> tuple[str, bool]:
    """The name of a part, and whether it is a file."""
    said = _DISPOSITION.search(head) if len(head) <= _MAX_HEAD_BYTES else None
    given = {key.lower(): value for key, value in _PARAMETER.findall(said[1])} if said else {}
    if b"name" not in given:
        raise _unexpected()
    return given[b"name"].decode(errors="replace"), b"filename" in given


def _unexpected() -> InvalidError:
    return InvalidError.of("form", Phrase("expected fields as of {kind}", kind=KIND))
