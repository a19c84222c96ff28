"""Reading an uploaded list."""

import tracemalloc
from collections.abc import Iterator

import pytest

from chalicelib.campaigns.lists import BadListError, _Report, read_rows


def read(text: str | bytes) -> tuple[list[dict[str, object]], _Report]:
    report = _Report()
    content = text if isinstance(text, bytes) else text.encode()
    return list(read_rows(iter(content.splitlines(keepends=True)), report)), report


def test_good_rows_are_kept_and_bad_ones_reported_by_their_line() -> None:
    rows, report = read(
        'email,name,locale,seat\nanna@x.example,"Anna, A",ru,A1\nnobody,B,ru,A2\n\nx@x.example,C\nc@x.example,,en,\n'
    )

    assert rows == [
        {"email": "anna@x.example", "name": "Anna, A", "locale": "ru", "attributes": {"seat": "A1"}},
        {"email": "c@x.example", "locale": "en"},
    ]
    assert (report.good, report.bad) == (2, 2)
    assert report.lines == [
        {"line": 3, "message": "not as expected: email"},
        {"line": 5, "message": "expected 4 columns, got 2"},
    ]


def test_a_recipient_is_taken_once_however_often_and_however_written() -> None:
    rows, report = read("email\nAnna@x.example\nanna@x.example\n")

    assert len(rows) == 1
    assert report.lines == [{"line": 3, "message": "this recipient was on the list before"}]


def test_users_are_taken_by_their_id_alone() -> None:
    rows, _ = read("user_id,email,plan\nu-1,a@x.example,gold\n")

    assert rows == [{"user_id": "u-1"}]


@pytest.mark.parametrize(
    "text", ["\ufeffuser_id\nu-1\n", "user_id;name\nu-1;Anna\n", "user_id\r\nu-1\r\n", "USER_ID\nu-1"]
)
def test_the_habits_of_spreadsheets_are_understood(text: str) -> None:
    assert read(text)[0] == [{"user_id": "u-1"}]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("email,name\nanna@x.example,Анна\n".encode("cp1251"), "line 2: not in UTF-8"),
        ("email,name\n".encode("utf-16"), "line 1: not in UTF-8"),
        (b"address\nanna@x.example\n", "line 1: expected a header"),
        (b"", "line 1: expected a header"),
        (b"email,email\n", "line 1: expected at most 50 columns"),
        (b'email\n"anna\n', "line 2: not CSV"),
        (b"email\n" + b"x" * 50_000 + b"\n", "line 2: over 10000 characters"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_why(content: bytes, why: str) -> None:
    with pytest.raises(BadListError, match=why):
        read(content)


def test_a_hundred_thousand_rows_are_read_without_holding_the_file() -> None:
    def lines() -> Iterator[bytes]:
        yield b"email,name\n"
        for n in range(100_000):
            yield f"viewer-{n}@crowd.example,Viewer {n}\n".encode()

    report = _Report()
    tracemalloc.start()
    count = sum(1 for _ in read_rows(lines(), report))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert count == report.good == 100_000
    assert peak_bytes < 20_000_000
