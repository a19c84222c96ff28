"""Numbers, dates and counted nouns in the languages of the letters, by the Unicode tables (CLDR) that Babel carries.

The layer has the tables of some forty languages (`layers/build.py`); others are formatted as English.
"""

from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

from chalicelib.errors import Phrase

if TYPE_CHECKING:
    from babel import Locale

_FALLBACK = "en"
_TAGS = ("zero", "one", "two", "few", "many", "other")
# Day, month as a word, year: for these two without what CLDR's long form adds («г.») or reorders.
_LONG_DATES = {"ru": "d\u00a0MMMM y", "en": "d\u00a0MMMM y"}
_SHORT_DATES = {"ru": "d\u00a0MMMM", "en": "d\u00a0MMMM"}


@cache
def _locale(name: str) -> "Locale":
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(name.partition("-")[0])
    except (UnknownLocaleError, ValueError):
        return Locale.parse(_FALLBACK)


def number(value: float, *, locale: str, digits: int | None = None) -> str:
    """`1234.5` → `1 234,5` (ru, with no-break spaces), `1,234.5` (en); `digits` after the decimal point, or as many as
    given."""
    from babel.numbers import format_decimal

    pattern = None if digits is None else f"#,##0.{'0' * digits}" if digits else "#,##0"
    return format_decimal(value, format=pattern, locale=_locale(locale), decimal_quantization=digits is not None)


def long_date(day: date, *, locale: str) -> str:
    """`22 ноября 2026` (ru), `22 November 2026` (en), `22. November 2026` (de)."""
    from babel.dates import format_date

    known = _locale(locale)
    return format_date(day, format=_LONG_DATES.get(known.language, "long"), locale=known)


def short_date(day: date, *, locale: str) -> str:
    """`22 ноября` (ru), `22 November` (en), `22. November` (de): no year."""
    from babel.dates import format_date, format_skeleton

    known = _locale(locale)
    form = _SHORT_DATES.get(known.language)
    return format_date(day, format=form, locale=known) if form else format_skeleton("MMMMd", day, locale=known)


def money(value: float, currency: str, *, locale: str) -> str:
    """`1 299 ₽`, `299,50 ₽` (ru), `€9.99` (en): whole sums without their pence. Raises: ValueError: no code of
    ISO 4217."""
    from babel.numbers import format_currency, is_currency

    if not is_currency(currency):
        raise ValueError(Phrase("money: a currency of ISO 4217 is expected, such as RUB"))
    known = _locale(locale)
    pattern: str = known.currency_formats["standard"].pattern
    if float(value).is_integer():
        pattern = pattern.replace("0.00", "0")
        return str(format_currency(value, currency, format=pattern, locale=known, currency_digits=False))
    return str(format_currency(value, currency, format=pattern, locale=known))


def plural(count: float, forms: Sequence[str], *, locale: str) -> str:
    """The form of a noun that goes with a number, in CLDR's order of the forms that whole numbers take: ru (one, few,
    many): 1 серия, 2 серии, 5 серий; en, de (one, other); a fraction takes the form of a few, or the last.

    Raises: ValueError when the language wants another number of forms."""
    tags = _whole_number_tags(locale)
    if len(forms) != len(tags):
        raise ValueError(
            Phrase(
                "plural: `{locale}` needs {wanted} forms, {given} were given",
                locale=locale,
                wanted=len(tags),
                given=len(forms),
            )
        )
    tag = _locale(locale).plural_form(abs(count) if count != int(count) else abs(int(count)))
    if tag not in tags:  # 1,5 серии: CLDR's `other` is the genitive singular, the same word as `few`
        tag = "few" if "few" in tags else tags[-1]
    return str(forms[tags.index(tag)])


@cache
def _whole_number_tags(locale: str) -> tuple[str, ...]:
    rule = _locale(locale).plural_form
    found = {rule(n) for n in range(200)}
    return tuple(tag for tag in _TAGS if tag in found)
