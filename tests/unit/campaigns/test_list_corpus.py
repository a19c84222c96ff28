"""Lists as real programs write them, byte for byte: each gives the same people."""

import csv
import io
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.campaigns.list_encoding import Encoding, encoding_of
from chalicelib.campaigns.list_file import AS_IT_SHOWS, ListFile, Reading
from chalicelib.campaigns.list_report import BadListError, ListReport

Quoting = Literal[0, 1]  # `csv.QUOTE_MINIMAL`, `csv.QUOTE_ALL`
BOM = b"\xef\xbb\xbf"
HEADER = ("E-mail", "Имя", "Язык", "Город")
TABLE = (
    HEADER,
    ("anna@kino.example", "Анна Ильина", "ru", "Нижний Новгород"),
    ("boris@kino.example", "Борис", "", ""),
    ("vera@kino.example", "Вера, «Ёлка»; 5|6", "en", ""),
)
PEOPLE = [
    {
        "email": "anna@kino.example",
        "name": "Анна Ильина",
        "locale": "ru",
        "attributes": {"город": "Нижний Новгород"},
    },
    {"email": "boris@kino.example", "name": "Борис"},
    {"email": "vera@kino.example", "name": "Вера, «Ёлка»; 5|6", "locale": "en"},
]


def table(separator: str, *, end: str = "\r\n", rows: tuple[tuple[str, ...], ...] = TABLE, quotes: Quoting = 0) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator=end, quoting=quotes).writerows(rows)
    return out.getvalue()


def padded(count: int) -> tuple[tuple[str, ...], ...]:
    return tuple((*row, *[""] * count) for row in TABLE)


# cp866 and the Macintosh have no guillemets in common with Windows: Excel writes what they have.
_OLD = tuple(tuple(cell.replace("«", '"').replace("»", '"') for cell in row) for row in TABLE)

FILES = {
    "excel-csv-utf8-comma": BOM + table(",").encode(),
    "excel-csv-utf8-semicolon": BOM + table(";").encode(),
    "excel-csv-windows-1251": table(";").encode("cp1251"),
    "excel-csv-windows-1251-comma": table(",").encode("cp1251"),
    "excel-unicode-text": b"\xff\xfe" + table("\t").encode("utf-16-le"),
    "utf-16-le-without-mark": table("\t").encode("utf-16-le"),
    "utf-16-be": b"\xfe\xff" + table(";").encode("utf-16-be"),
    "utf-16-be-without-mark": table(",").encode("utf-16-be"),
    "excel-said-separator": BOM + ("sep=;\r\n" + table(";")).encode(),
    "excel-said-separator-1251": ("sep=;\r\n" + table(";")).encode("cp1251"),
    "excel-said-other-separator": BOM + ("sep=|\r\n" + table("|")).encode(),
    "excel-empty-columns": BOM + table(";", rows=padded(3)).encode(),
    "excel-empty-rows": BOM + (table(";", rows=padded(1)) + ";;;;\r\n" * 40 + "\r\n").encode(),
    "google-csv": table(",").encode(),
    "google-csv-without-last-line-end": table(",").rstrip("\r\n").encode(),
    "google-tsv": table("\t", quotes=csv.QUOTE_MINIMAL).encode(),
    "numbers-semicolon": table(";", end="\n").encode(),
    "libreoffice-all-quoted": table(";", end="\n", quotes=csv.QUOTE_ALL).encode(),
    "old-macintosh-line-ends": table(",", end="\r").encode(),
    "pipes": table("|").encode(),
    "empty-lines-first": ("\r\n;;;\r\n" + table(";")).encode(),
    "short-rows": BOM + table(";").replace("Борис;;", "Борис").encode(),
    "names-of-columns-shout": table(",", rows=(("EMAIL", "NAME", "LANG", "ГОРОД"), *TABLE[1:])).encode(),
    "names-of-columns-are-wordy": table(
        ",", rows=((" Адрес электронной  почты ", "Имя клиента", "Язык письма", "Город"), *TABLE[1:])
    ).encode(),
    "names-in-quotes-with-separators": table(
        ";", rows=(("Эл. почта", "Имя", "Язык", "Город"), *TABLE[1:]), quotes=csv.QUOTE_ALL
    ).encode(),
}
OLD_FILES = {
    "excel-csv-msdos": table(";", rows=_OLD).encode("cp866"),
    "excel-csv-macintosh": table(";", end="\r", rows=_OLD).encode("mac_cyrillic"),
}


def people(
    content: bytes, reading: Reading = AS_IT_SHOWS, *, size: int = 1000
) -> tuple[list[dict[str, Any]], ListReport]:
    report = ListReport()
    pieces = (content[at : at + size] for at in range(0, len(content), size))
    return list(ListFile(pieces, report, reading).rows()), report


@pytest.mark.parametrize("name", FILES)
def test_a_list_is_read_as_its_program_wrote_it(name: str) -> None:
    found, report = people(FILES[name])
    assert found == PEOPLE
    assert report.bad == 0


@pytest.mark.parametrize("name", OLD_FILES)
def test_the_formats_of_older_excels_are_read(name: str) -> None:
    found, report = people(OLD_FILES[name])
    assert [one["name"] for one in found] == ["Анна Ильина", "Борис", 'Вера, "Ёлка"; 5|6']
    assert report.bad == 0


@pytest.mark.parametrize("name", [*FILES, *OLD_FILES])
@pytest.mark.parametrize("size", [1, 3])
def test_where_the_network_cuts_a_file_changes_nothing(name: str, size: int) -> None:
    content = (FILES | OLD_FILES)[name]
    assert people(content, size=size)[0] == people(content)[0]


def test_names_of_the_west_are_read() -> None:
    text = "Nom;Courriel\r\nÉlan Müller;elan@kino.example\r\nJosé;jose@kino.example\r\n"
    found, _ = people(text.encode("cp1252"))
    assert [one["name"] for one in found] == ["Élan Müller", "José"]


def test_an_encoding_that_shows_late_is_found_where_it_shows() -> None:
    rows = "".join(f"u{n}@kino.example;Ivan\r\n" for n in range(4000))
    text = f"email;name\r\n{rows}late@kino.example;Иван Царевич\r\n"
    assert encoding_of(text.encode("cp1251")[:65536]) is None
    assert people(text.encode("cp1251"))[0][-1]["name"] == "Иван Царевич"


def test_line_breaks_in_quotes_stay_in_their_cell() -> None:
    found, report = people(b'email,note\r\na@x.example,"one\r\ntwo"\r\nwrong,"three\r\nfour"\r\n')
    assert found == [{"email": "a@x.example", "attributes": {"note": "one\ntwo"}}]
    assert [one.line for one in report.lines] == [5]


def test_cells_without_a_column_refuse_their_line_unless_they_are_empty() -> None:
    found, report = people(b"email;name\na@x.example;A;;;\nb@x.example;B;;late\nc@x.example\n")
    assert [one["email"] for one in found] == ["a@x.example", "c@x.example"]
    assert report.lines == [(3, "expected 2 columns, got 4", ["b@x.example", "B", "", "late"])]


NAMES = [
    ("Email", "email"),
    ("e_mail", "email"),
    ("Email Address", "email"),
    ("почта", "email"),
    ("Электронная почта", "email"),
    ("E-mail 1 - Value", "email"),
    ("User ID", "user_id"),
    ("ID пользователя", "user_id"),
    ("First Name", "name"),
    ("ФИО", "name"),
    ("Часовой пояс", "timezone"),
    ("Language", "locale"),
    ("Телефон", "attributes.телефон"),
    ("Last  Name", "attributes.last name"),
]


@pytest.mark.parametrize(("name", "target"), NAMES)
def test_what_a_column_is_called_says_what_it_holds(name: str, target: str) -> None:
    content = f"{name},x\na,b\n".encode()
    assert ListFile([content], ListReport()).columns[0].target == target


def columns(content: str, asked: dict[str, str | None] | None = None) -> dict[str, str | None]:
    file = ListFile([content.encode()], ListReport(), Reading(columns=asked or {}))
    return {one.name: one.target for one in file.columns}


def test_a_column_of_addresses_is_found_by_what_stands_in_it() -> None:
    assert columns("Contact,Town\n-,Moscow\na@x.example,Tver\nb@x.example,Omsk\n") == {
        "Contact": "email",
        "Town": "attributes.town",
    }


def test_a_file_that_begins_with_a_recipient_has_no_header() -> None:
    found, _ = people(b"Anna;a@x.example\nBoris;b@x.example\n")
    assert found == [{"email": "a@x.example"}, {"email": "b@x.example"}]


def test_an_id_is_that_of_a_user_only_where_no_address_stands() -> None:
    """Another program's numbers are not our users."""
    assert columns("ID,Email\n7,a@x.example\n") == {"ID": "attributes.id", "Email": "email"}
    assert columns("ID,Town\nu-7,Moscow\n") == {"ID": "user_id", "Town": "attributes.town"}


def test_a_field_is_taken_from_one_column_and_a_column_without_a_name_is_left() -> None:
    assert columns("Email,Email,,Name,Имя\na@x.example\n") == {
        "Email": "email",
        "Email 2": None,
        "column 3": None,
        "Name": "name",
        "Имя": None,
    }


def test_what_is_asked_of_a_column_goes_before_a_guess() -> None:
    asked = {"work": "email", "Имя": None, "Town": "attributes.city"}
    assert columns("Email,Work,Имя,Town\na@x.example,w@x.example,A,B\n", asked) == {
        "Email": None,
        "Work": "email",
        "Имя": None,
        "Town": "attributes.city",
    }
    found, _ = people(b"Email,Work\na@x.example,w@x.example\n", Reading(columns={"Work": "email"}))
    assert found == [{"email": "w@x.example"}]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"Phone": "name"}, "the file has no column Phone"),
        ({"Email": None}, "no column holds addresses or user ids"),
        ({"Email": "email", "Town": "email"}, "Email and Town would become the same"),
    ],
)
def test_a_mapping_that_names_nobody_is_refused(asked: dict[str, str | None], why: str) -> None:
    with pytest.raises(BadListError, match=why):
        people(b"Email,Town\na@x.example,Moscow\n", Reading(columns=asked))


def test_what_somebody_says_of_the_encoding_and_the_separator_holds() -> None:
    content = "email,name\na@x.example,Ян\n".encode("cp866")
    found, _ = people(content, Reading(encoding=Encoding.CP866, separator=","))
    assert found == [{"email": "a@x.example", "name": "Ян"}]


def test_languages_by_their_names() -> None:
    found, _ = people("email,Язык\na@x.example,Русский\nb@x.example,English\n".encode())
    assert [one["locale"] for one in found] == ["ru", "en"]


CELL = st.text(st.sampled_from("abАяё ,;\t|'\"\n=0"), max_size=8)


@given(
    st.lists(CELL, min_size=1, max_size=20),
    st.sampled_from(",;\t|"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(["\r\n", "\n"]),
)
def test_whatever_a_spreadsheet_writes_comes_back(cells: list[str], separator: str, encoding: str, end: str) -> None:
    rows = (("email", "note"), *((f"u{n}@x.example", cell) for n, cell in enumerate(cells)))
    content = table(separator, end=end, rows=rows).encode(encoding)
    found, report = people(content, Reading(separator=separator))
    assert [one["email"] for one in found] == [f"u{n}@x.example" for n in range(len(cells))]
    assert report.bad == 0


@given(
    st.text(st.sampled_from("абвгдеёжзийклмнопрстуфхцчшщъыьэюяАБВГДЕЖ "), min_size=4), st.sampled_from(list(Encoding))
)
def test_russian_words_are_read_in_every_encoding_that_is_said(word: str, encoding: Encoding) -> None:
    if encoding is Encoding.WINDOWS_1252:
        return
    found, _ = people(f"email;name\na@x.example;{word}я\n".encode(encoding), Reading(encoding=encoding))
    assert found[0]["name"].replace(" ", "") == f"{word}я".replace(" ", "")
