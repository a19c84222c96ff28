"""How numbers, dates and counted nouns are written in the languages of the letters. Called by `filters.py`.

Small on purpose: the Unicode tables for every language of the world would cost a cold start 30 ms and the zip 30 MB.
"""

from collections.abc import Mapping, Sequence
from datetime import date

_NO_BREAK_SPACE = "\u00a0"

_MONTHS: Mapping[str, Sequence[str]] = {
    "ru": [
        "января",
        "февраля",
        "марта",
        "апреля",
        "мая",
        "июня",
        "июля",
        "августа",
        "сентября",
        "октября",
        "ноября",
        "декабря",
    ],
    "en": [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
}
# (between thousands, before the fraction)
_SEPARATORS: Mapping[str, tuple[str, str]] = {"ru": (_NO_BREAK_SPACE, ","), "en": (",", ".")}


def _language(locale: str) -> str:
    language = locale.partition("-")[0]
    return language if language in _MONTHS else "en"


def number(value: float, *, locale: str, digits: int | None = None) -> str:
    """`1234.5` → `1 234,5` (ru, with no-break spaces), `1,234.5` (en); `digits` after the point, as many as are given
    if None."""
    shown = f"{value:,.{digits}f}" if digits is not None else f"{value:,}"
    thousands, fraction = _SEPARATORS[_language(locale)]
    return shown.translate({ord(","): thousands, ord("."): fraction})


def long_date(day: date, *, locale: str) -> str:
    """`22 ноября 2026` (ru), `22 November 2026` (en)."""
    month = _MONTHS[_language(locale)][day.month - 1]
    return _NO_BREAK_SPACE.join((str(day.day), month)) + f" {day.year}"


def plural(count: float, forms: Sequence[str], *, locale: str) -> str:
    """The form of a noun that goes with a number: ru takes (one, few, many): 1 серия, 2 серии, 5 серий;
    en takes (one, other).

    Raises: ValueError when the language wants another number of forms. The rules are those of Unicode CLDR."""
    wanted = 3 if _language(locale) == "ru" else 2
    if len(forms) != wanted:
        raise ValueError(f"plural: `{locale}` wants {wanted} forms, {len(forms)} were given")
    return str(forms[_russian_form(count) if wanted == 3 else int(count != 1)])


def _russian_form(count: float) -> int:
    if count != int(count):
        return 1  # 1,5 серии: CLDR's `other` is the genitive singular, the same word as `few`
    ones, tens = abs(int(count)) % 10, abs(int(count)) % 100
    if ones == 1 and tens != 11:
        return 0
    return 1 if 2 <= ones <= 4 and not 12 <= tens <= 14 else 2
