"""Numbers, shares, times and durations in a manager's language, and reading a typed time. `templating.py` makes filters
of the former; forms use the latter."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from chalicelib.clock import now
from chalicelib.errors import InvalidError, Phrase
from chalicelib.rendering import localized_format as speech
from chalicelib.wall_clock import wall_moment

NOTHING = "—"
_SPANS: Sequence[tuple[str, int]] = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_SHOWN_SPANS = 2
_YEARS = (2000, 2099)  # as the API takes them: the others are mistakes


def number(value: float, *, locale: str) -> str:
    """`1 234,5` (ru, with no-break spaces), `1,234.5` (en)."""
    return speech.number(value, locale=locale)


def readable_url(url: str) -> str:
    """An address for people, with the letters that it percent-encodes."""
    shown = unquote(url)
    return shown if shown.isprintable() and "\N{REPLACEMENT CHARACTER}" not in shown else url


def share(part: float, whole: float, *, locale: str) -> str:
    """The part of the whole, with one decimal: `98,5 %` (ru), `98.5%` (en); a dash for nothing."""
    if not whole:
        return NOTHING
    percent = speech.number(100 * part / whole, locale=locale, digits=0 if part == whole else 1)
    return f"{percent}\N{NO-BREAK SPACE}%" if locale == "ru" else f"{percent}%"


def moment(value: str | float | datetime | None, *, zone: str, locale: str) -> str:
    """`26 нояб., 18:00` (ru), `26 Nov, 18:00` (en) in the zone; with the year unless it is the current one."""
    if value is None:
        return NOTHING
    from babel.dates import format_datetime

    at = value if isinstance(value, datetime) else _read(value)
    local, this_year = at.astimezone(ZoneInfo(zone)), now().astimezone(ZoneInfo(zone)).year
    pattern = "d\u00a0MMM, HH:mm" if local.year == this_year else "d\u00a0MMM\u00a0y, HH:mm"
    return str(format_datetime(local.replace(tzinfo=None), pattern, locale=locale))


def weekday_moment(at: datetime, zone: str | None = None, *, own: str, locale: str) -> str:
    """`пт, 4 дек., 18:00` (ru), `Fri 4 Dec, 18:00` (en) in the zone, or the stage's own."""
    return wall_time(at.astimezone(ZoneInfo(zone or own)).replace(tzinfo=None), locale=locale)


def wall_time(wall: datetime, *, locale: str) -> str:
    """The same for what a clock shows, in any zone."""
    from babel.dates import format_datetime

    comma = "," if locale == "ru" else ""
    return str(format_datetime(wall, f"EEE{comma} d\u00a0MMM, HH:mm", locale=locale))


def day_name(day: date, *, locale: str) -> str:
    """`4 декабря` (ru), `4 December` (en)."""
    from babel.dates import format_date

    return str(format_date(day, "d\u00a0MMMM", locale=locale))


def weekday_name(day: date, *, locale: str) -> str:
    """`пятница` (ru), `Friday` (en)."""
    from babel.dates import format_date

    return str(format_date(day, "cccc", locale=locale))


def month_name(day: date, *, locale: str) -> str:
    """`декабрь 2026` (ru), `December 2026` (en)."""
    from babel.dates import format_date

    return str(format_date(day, "LLLL\u00a0y", locale=locale))


def clock_time(at: datetime, *, zone: str) -> str:
    """`18:00` in the zone."""
    return f"{at.astimezone(ZoneInfo(zone)):%H:%M}"


def language_name(code: str, *, locale: str) -> str:
    """`английский` (ru), `English` (en); a code that CLDR does not name stays."""
    from babel import Locale

    names = Locale.parse(locale).languages
    return str(names.get(code.replace("-", "_")) or names.get(code.partition("-")[0]) or code)


def read_moment(text: str | None, *, field: str, zone: str) -> datetime | None:
    """A typed date and time in the zone; None if empty. Raises: InvalidError (permanent; names the field)."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidError.of(field, Phrase("expected a date and a time")) from error
    if at.tzinfo is not None or not _YEARS[0] <= at.year <= _YEARS[1]:
        raise InvalidError.of(field, Phrase("expected a date and a time"))
    return wall_moment(at, zone).astimezone(ZoneInfo(zone))


def duration(seconds: float, *, units: Mapping[str, str]) -> str:
    """`1 h 5 min`: the two largest units, by their short names."""
    left, parts = max(0, round(seconds)), list[str]()
    for unit, length in _SPANS:
        count, left = divmod(left, length)
        if count or (parts and len(parts) < _SHOWN_SPANS):
            parts.append(f"{count}\N{NO-BREAK SPACE}{units[unit]}" if count else "")
        if len(parts) == _SHOWN_SPANS:
            break
    return " ".join(filter(None, parts)) or f"0\N{NO-BREAK SPACE}{units['second']}"


def who(key: str | None) -> str:
    """The name of a manager, or the id of the API key that did it."""
    return (key or NOTHING).removeprefix("manager:")


def _read(value: str | float) -> datetime:
    return (
        datetime.fromisoformat(value) if isinstance(value, str) else datetime.fromtimestamp(value, tz=ZoneInfo("UTC"))
    )
