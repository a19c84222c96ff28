"""A form with files is read as a browser sends it; whatever is not one is refused, at a cost that its size bounds."""

import pytest

from chalicelib.admin.browser import SentFile, read_multipart
from chalicelib.errors import InvalidError
from tests import forms

NAMED = b'Content-Disposition: form-data; name="name"'
KIND = "multipart/form-data; boundary=b"


def body(*parts: bytes) -> bytes:
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"


def test_what_a_browser_sends_is_read() -> None:
    file = forms.File('a "; name="token".csv', "text/csv", b"email\r\n--\r\n\r\n\xff")
    kind, raw = forms.multipart({"name": "\u0436; x", "tags": ["a", "b\nc"]}, {"file": file, "none": forms.NO_FILE})

    assert read_multipart(raw, kind, most=10) == (
        {"name": ["\u0436; x"], "tags": ["a", "b\nc"]},
        {"file": [SentFile(file.name, file.content)], "none": [SentFile("", b"")]},
    )


REFUSED: dict[str, tuple[str, bytes]] = {
    "no boundary": ("multipart/form-data", body(NAMED + b"\r\n\r\nx")),
    "another boundary": ("multipart/form-data; boundary=c", body(NAMED + b"\r\n\r\nx")),
    "a boundary that goes on": ("multipart/form-data; boundary=", body(NAMED + b"\r\n\r\nx")),
    "cut off": (KIND, body(NAMED + b"\r\n\r\nx")[:-9]),
    "nothing": (KIND, b""),
    "no heads": (KIND, body(b"\r\nx")),
    "no name": (KIND, body(b"Content-Disposition: form-data\r\n\r\nx")),
    "another disposition": (KIND, body(b'Content-Disposition: attachment; name="name"\r\n\r\nx')),
    "a comment without an end": (KIND, body(b"Content-Disposition: " + b"(" * 5000 + b"\r\n\r\nx")),
    "a large head": (KIND, body(NAMED + b"\r\nX: " + b"y" * 5000 + b"\r\n\r\nx")),
    "too many parts": (KIND, body(*[NAMED + b"\r\n\r\nx"] * 11)),
    "parts inside a part": (KIND, body(*[b"Content-Type: multipart/mixed; boundary=b"] * 9)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_browser_sends_is_refused(case: str) -> None:
    """Promise G3: a form that cannot be read is the sender's fault."""
    kind, raw = REFUSED[case]
    with pytest.raises(InvalidError) as refused:
        read_multipart(raw, kind, most=10)
    assert [one.field for one in refused.value.errors] == ["form"]
