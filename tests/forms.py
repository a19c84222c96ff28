"""Forms as Chromium sends them; `tests/browser/test_what_a_browser_sends.py` holds this file against Chromium."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote_plus

URLENCODED = "application/x-www-form-urlencoded"
BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"


class File(NamedTuple):
    """What was chosen in a field of files; without a name: nothing was."""

    name: str
    kind: str
    content: bytes


Fields = Mapping[str, object | Sequence[object]]
Files = Mapping[str, File] | Sequence[tuple[str, File]]  # the latter where a field holds several
NO_FILE = File("", "application/octet-stream", b"")


def urlencoded(fields: Fields) -> bytes:
    """The body of a plain form: every line end of a value is CR LF, all but letters, digits and `*-._` is escaped. A
    box that is not checked is not in it at all; a list of values is several fields."""
    pairs = (f"{_escaped(name)}={_escaped(value)}" for name, value in _pairs(fields))
    return "&".join(pairs).encode()


def multipart(fields: Fields, files: Files) -> tuple[str, bytes]:
    """The content type and the body of a form with files, whose fields stand behind the others. In a name, quotation
    marks and line ends are escaped, and nothing else is."""
    body = b""
    for name, value in _pairs(fields):
        body += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{_named(name)}"\r\n\r\n{value}\r\n'.encode()
    for name, file in files.items() if isinstance(files, Mapping) else files:
        head = f'Content-Disposition: form-data; name="{_named(name)}"; filename="{_named(file.name)}"'
        body += f"--{BOUNDARY}\r\n{head}\r\nContent-Type: {file.kind}\r\n\r\n".encode() + file.content + b"\r\n"
    return f"multipart/form-data; boundary={BOUNDARY}", body + f"--{BOUNDARY}--\r\n".encode()


def _pairs(fields: Fields) -> Iterator[tuple[str, str]]:
    for name, given in fields.items():
        for value in given if isinstance(given, list | tuple) else [given]:
            yield _lines(name), _lines(str(value))


def _lines(text: str) -> str:
    return re.sub("\r\n|\r|\n", "\r\n", text)


def _escaped(text: str) -> str:
    return quote_plus(text, safe="*-._").replace("~", "%7E")


def _named(text: str) -> str:
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
