"""Text has one normal form, which every edge gives it."""

import csv
import io
import json
import unicodedata
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.text import normal_json, normal_source, normal_text, one_line

TEXTS = st.text() | st.text(alphabet="a \t\n\r\v\f\x00\x1c\x85\xa0\u200b\u2028\u2029\u202e\ufeff\u0301\u0439и\u0306")


@given(TEXTS)
@example("e\u202e\u0301")
@example("\r\x00\n")
def test_a_second_time_changes_nothing(text: str) -> None:
    for normal in (normal_source, normal_text, one_line):
        once = normal(text)
        assert normal(once) == once == unicodedata.normalize("NFC", once)
        assert not set(once) & set("\r\v\f\x00\x1c\x85\u2028\u2029\ufeff")


@given(TEXTS)
def test_one_line_is_one_whatever_counts_lines(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert line == line.strip()
    assert "  " not in line


@given(TEXTS)
def test_the_normal_form_survives_json_csv_and_a_form(text: str) -> None:
    normal = normal_text(text)
    assert json.loads(json.dumps(normal)) == normal
    written = io.StringIO(newline="")
    csv.writer(written).writerow([normal, "end"])
    assert next(csv.reader(io.StringIO(written.getvalue(), newline="")))[0] == normal
    sent = urlencode({"text": normal.replace("\n", "\r\n")})  # as browsers send the lines of a textarea
    assert normal_text(parse_qs(sent, keep_blank_values=True)["text"][0]) == normal


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n", "\v", "\f", "\x85", "\u2028", "\u2029"])
def test_every_line_end_is_one_in_text_and_a_space_in_a_line(end: str) -> None:
    assert normal_text(f"{end}one{end}two{end}") == "one\ntwo"
    assert one_line(f"{end}one{end}{end} two{end}") == "one two"


def test_what_shows_as_nothing_is_dropped_and_what_joins_or_turns_letters_stays() -> None:
    assert normal_text("\ufeffA\x00n\x07na\u200b") == "Anna"
    family, persian, hebrew = "\U0001f468\u200d\U0001f467", "می\u200cخواهم", "\u2067שלום\u2069"
    assert one_line(f"{family} {persian} {hebrew}") == f"{family} {persian} {hebrew}"
    assert one_line("Anna\u202e txt.exe") == "Anna txt.exe"


def test_a_no_break_space_stays_where_it_binds() -> None:
    assert one_line("1\xa0000\u202f₽") == "1\xa0000\u202f₽"
    assert one_line("\xa0one \xa0 two\xa0") == "one two"


def test_every_string_of_json_is_brought_to_its_form_at_any_depth() -> None:
    given_value = {" и\u0306 ": ["a\r\nb", {"n": 1, "t": True, "x": None}]}
    assert normal_json(given_value) == {"й": ["a\nb", {"n": 1, "t": True, "x": None}]}
