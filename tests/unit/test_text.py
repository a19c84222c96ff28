"""Text has one normal form, which every edge gives it."""

import csv
import io
import json
import unicodedata
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.text import normal_json, normal_source, normal_text, one_line, strict_json, whole_number

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


@pytest.mark.parametrize("names", [(" a ", "a"), ("\u0439", "и\u0306"), ("a\r\n", "a")])
def test_of_two_names_that_are_written_alike_none_is_lost(names: tuple[str, str]) -> None:
    """Promise E2: which of the two values is meant nobody knows, so neither is taken for the other."""
    for value in (dict.fromkeys(names, 1), [{"inside": dict.fromkeys(names, 1)}]):
        with pytest.raises(ValueError, match="a name is repeated in an object"):
            normal_json(value)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("NaN", "NaN is not JSON"),
        ('{"a": -Infinity}', "-Infinity is not JSON"),
        ("1e999", "a number is too large"),
        ("1" * 400, "a number is too large"),
        ("-" + "9" * 5000, "a number is too large"),
        ('{"a": 1, "a": 2}', "a name is repeated in an object"),
        ('"\\ud800"', "half of a surrogate pair is not a character"),
        ("[" * 100_000, "it is nested too deeply"),
        ("{", "Expecting property name"),
    ],
)
def test_json_that_some_reader_would_read_otherwise_is_refused(text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        strict_json(text)


def test_strict_json_is_read_as_it_is() -> None:
    text = '{"n": 100000000000000000000000000000000000000000000000000000000000, "f": 1e308, "s": "\\ud83d\\ude00"}'
    assert strict_json(text) == {"n": 10**59, "f": 1e308, "s": "\U0001f600"}


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("042", 42), ("１２", 12), ("9" * 15, 10**15 - 1)])
def test_a_whole_number_is_made_of_digits(text: str, number: int) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize("text", ["", "²", "-1", "+1", "1.0", "1_000", "1 000", "½", "9" * 16, "9" * 5000])
def test_anything_else_is_no_whole_number(text: str) -> None:
    with pytest.raises(ValueError, match="expected a whole number"):
        whole_number(text)
