"""Time zones by the names of their cities, in the languages of the pages (CLDR): `Europe/Moscow` is «Москва»."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from chalicelib.errors import InvalidError, Phrase
from chalicelib.profiles.model import normal_timezone
from chalicelib.text import one_line

_MINUTE = timedelta(minutes=1)


class ZoneChoice(NamedTuple):
    """A city as the form offers it; `about` says how far from UTC its clocks are."""

    city: str
    about: str


def city_of(zone: str, *, locale: str) -> str:
    """`Москва` (ru), `Moscow` (en); a zone of no city (`UTC`) by its own name."""
    return _cities(locale).get(zone, zone)


def zone_choices(locale: str, *, at: datetime) -> list[ZoneChoice]:
    """Every city of the list, by its name."""
    offsets = _offsets(at.astimezone(UTC).date().isoformat())
    found = [ZoneChoice(city, f"UTC{offsets[zone]} · {zone}") for zone, city in _cities(locale).items()]
    return sorted(found, key=lambda one: one.city)


def zone_named(text: str, *, field: str, languages: Iterable[str]) -> str:
    """The zone of a city in one of the languages, or of an IANA name, however it is written. Raises: InvalidError
    (permanent; names the field)."""
    wanted = one_line(text).casefold()
    for locale in languages:
        if found := _by_city(locale).get(wanted):
            return found
    try:
        return normal_timezone(text)
    except ValueError as error:
        raise InvalidError.of(field, Phrase("expected a city of the list, such as Moscow")) from error


@cache
def _cities(locale: str) -> Mapping[str, str]:
    """By zone."""
    from babel import Locale
    from babel.core import get_global

    zones = {one for found in get_global("territory_zones").values() for one in found if not one.startswith("Etc/")}
    found = {zone: zone.rpartition("/")[2].replace("_", " ") for zone in sorted(zones)}
    current, named = get_global("zone_aliases"), Locale.parse(locale).time_zones
    for name, about in named.items():
        zone = name if name in found else current.get(name, name)  # CLDR keeps the first name: `Europe/Kiev`
        if zone in found and "city" in about and (name == zone or zone not in named):
            found[zone] = str(about["city"])
    return found


@cache
def _by_city(locale: str) -> Mapping[str, str]:
    return {city.casefold(): zone for zone, city in _cities(locale).items()}


@cache
def _offsets(day: str) -> Mapping[str, str]:
    """`+3`, `+5:30`, `−4`, by zone; a day is kept."""
    noon = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    return {zone: _offset(noon.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()) for zone in _cities("en")}


def _offset(ahead: timedelta) -> str:
    hours, minutes = divmod(abs(ahead) // _MINUTE, 60)
    sign = "\N{MINUS SIGN}" if ahead < timedelta() else "+"
    return f"{sign}{hours}:{minutes:02}" if minutes else f"{sign}{hours}"
