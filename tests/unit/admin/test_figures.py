"""How the managers' pages write numbers, shares, moments and spans of time."""

from datetime import UTC, datetime

import pytest

from chalicelib.admin import number_format as figures
from chalicelib.admin.templating import words
from chalicelib.clock import now

NB = "\N{NO-BREAK SPACE}"


def test_numbers_are_written_as_each_language_does() -> None:
    assert figures.number(1234567.5, locale="en") == "1,234,567.5"
    assert figures.number(1234567.5, locale="ru") == f"1{NB}234{NB}567,5"


@pytest.mark.parametrize(
    ("part", "whole", "en", "ru"),
    [(1, 3, "33.3%", f"33,3{NB}%"), (5, 5, "100%", f"100{NB}%"), (0, 7, "0.0%", f"0,0{NB}%"), (0, 0, "—", "—")],
)
def test_a_share_is_a_percentage_and_of_nothing_a_dash(part: int, whole: int, en: str, ru: str) -> None:
    assert (figures.share(part, whole, locale="en"), figures.share(part, whole, locale="ru")) == (en, ru)


def test_a_moment_is_that_of_the_zone_and_names_its_year_only_if_it_is_another() -> None:
    this_year = datetime(now().year, 6, 1, 22, 30, tzinfo=UTC)
    assert figures.moment(this_year, zone="Europe/Moscow", locale="en") == f"2{NB}Jun, 01:30"
    assert figures.moment("2020-11-26T15:00:00Z", zone="UTC", locale="ru") == f"26{NB}нояб.{NB}2020, 15:00"
    assert figures.moment(0, zone="UTC", locale="en") == f"1{NB}Jan{NB}1970, 00:00"
    assert figures.moment(None, zone="UTC", locale="en") == "—"


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0 s"),
        (42.4, "42 s"),
        (60, "1 min"),
        (674, "11 min 14 s"),
        (3900, "1 h 5 min"),
        (3600, "1 h"),
        (90061, "1 d 1 h"),
    ],
)
def test_a_span_of_time_is_its_two_largest_units(seconds: float, written: str) -> None:
    assert figures.duration(seconds, units=words("en")["units"]) == written.replace(" s", f"{NB}s").replace(
        " min", f"{NB}min"
    ).replace(" h", f"{NB}h").replace(" d", f"{NB}d")


def test_who_did_it_is_named_without_the_kind_of_caller() -> None:
    assert [figures.who(key) for key in ("manager:olga", "a1b2c3", None)] == ["olga", "a1b2c3", "—"]
