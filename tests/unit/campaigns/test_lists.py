"""Reading an uploaded list."""

import tracemalloc
from collections.abc import Iterator

import pytest

from chalicelib.campaigns.list_file import ListFile
from chalicelib.campaigns.list_report import BadListError, ListReport


def read(text: str | bytes) -> tuple[list[dict[str, object]], ListReport]:
    report = ListReport()
    content = text if isinstance(text, bytes) else text.encode()
    return list(ListFile(cut(content, 7), report).rows()), report


def cut(content: bytes, size: int) -> Iterator[bytes]:
    """A file as it comes over the network."""
    yield from (content[start : start + size] for start in range(0, len(content), size))


def test_good_rows_are_kept_and_bad_ones_reported_by_their_line() -> None:
    rows, report = read(
        'email,name,locale,seat\nanna@x.example,"Anna, A",ru,A1\nnobody,B,ru,A2\n\nx@x.example,C,,,D\nc@x.example,,en\n'
    )

    assert rows == [
        {"email": "anna@x.example", "name": "Anna, A", "locale": "ru", "attributes": {"seat": "A1"}},
        {"email": "c@x.example", "locale": "en"},
    ]
    assert (report.good, report.bad) == (2, 2)
    assert report.lines == [
        (3, "not an e-mail address such as anna@example.com", ["nobody", "B", "ru", "A2"]),
        (5, "expected 4 columns, got 5", ["x@x.example", "C", "", "", "D"]),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_where_a_file_is_cut_on_its_way_does_not_matter(end: str, size: int) -> None:
    content = end.join(["\ufeffemail,note", 'a@x.example,"Анна', 'A"', "", "wrong", "b@x.example,Борис"]).encode()
    report = ListReport()

    rows = list(ListFile(cut(content, size), report).rows())

    assert [row["email"] for row in rows] == ["a@x.example", "b@x.example"]
    assert rows[0]["attributes"] == {"note": "Анна\nA"}
    assert report.lines == [(5, "not an e-mail address such as anna@example.com", ["wrong"])]


def test_a_line_with_a_wrong_quote_is_reported_and_the_others_are_read() -> None:
    rows, report = read('email,name\n"a@x.example"x,A\nb@x.example,"B"\n"c@x.example,C\n')

    assert rows == [{"email": "b@x.example", "name": "B"}]
    assert [one.line for one in report.lines] == [2, 4]


def test_a_recipient_is_taken_once_however_often_and_however_written() -> None:
    rows, report = read("email\nAnna@x.example\nanna@x.example\n")

    assert len(rows) == 1
    assert report.lines == [(3, "this recipient is on the list already", ["anna@x.example"])]


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
        (b"town,seat\nMoscow,A1\n", "line 1: no column holds addresses or user ids"),
        (b"", "the file is empty"),
        (b"\n\r\n\n", "the file is empty"),
        (b"email" + b"," * 200 + b"x\n", "line 1: expected at most 200 columns"),
        (b"PK\x03\x04\x14\0\x06\0[Content_Types].xml", "this is a workbook, not CSV: save the sheet as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "this is a workbook, not CSV: save the sheet as CSV"),
        (b"%PDF-1.7\n", "this is a PDF, not CSV"),
        (b"\n<html><table><tr><td>email", "this is a web page, not CSV"),
        (b"email\n\xb0\xb1\xb7\xbb\n", "no text can be made of this file"),
        (b'email\n"anna\nb@x.example\nc@x.example\n', "line 2: not CSV: a quote is not closed"),
        (b'"email', "line 1: not CSV"),
        (("email\n" + "я\n" * 20).encode() + b"\xff\n" * 101, "line 22: not in UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_why(content: bytes, why: str) -> None:
    with pytest.raises(BadListError, match=why):
        read(content)


@pytest.mark.parametrize("line", [b"anna\xff@x.example", b"x" * 50_000, b"\xff" * 50_000, b"\xd0", b'"\xff"'])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_line_that_no_text_can_be_made_of_is_left_out(line: bytes, end: bytes) -> None:
    """Promise I1: as any other bad one, by its number; the file is read except for it."""
    report = ListReport()
    rows = list(ListFile([end.join([b"email", b"a@x.example", line, b"b@x.example", b""])], report).rows())

    assert [row["email"] for row in rows] == ["a@x.example", "b@x.example"]
    assert {one.line for one in report.lines} == {3}


def test_a_line_that_never_ends_is_not_waited_for() -> None:
    taken = 0

    def pieces() -> Iterator[bytes]:
        nonlocal taken
        yield b"email\n"
        while True:
            taken += 1
            yield b"x" * 100_000

    with pytest.raises(BadListError, match="line 2: over 10000 characters"):
        list(ListFile(pieces(), ListReport()).rows())

    assert taken == 11


def test_thirty_thousand_rows_are_read_without_holding_the_file() -> None:
    def lines() -> Iterator[bytes]:
        yield b"email,name\n"
        for n in range(30_000):
            yield f"viewer-{n}@crowd.example,Viewer {n}\n".encode()

    report = ListReport()
    tracemalloc.start()
    count = sum(1 for _ in ListFile(lines(), report).rows())
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert count == report.good == 30_000
    assert peak_bytes < 6_000_000
