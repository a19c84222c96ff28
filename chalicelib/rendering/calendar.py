"""Calendar entries of letters (RFC 5545): the source of the part `email.calendar`, the filters of such a source, and
what makes an entry of its text.

    BEGIN:VEVENT
    SUMMARY:{{ title|ics }}
    DTSTART:{{ starts_at|ics_time }}
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from chalicelib.errors import Phrase, RenderError
from chalicelib.reasons import Reason

_LINE_OCTETS = 75  # RFC 5545 §3.1
_EVENT = "BEGIN:VEVENT"
_HEAD = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Vestnik//Letters//EN", "CALSCALE:GREGORIAN", "METHOD:PUBLISH")
_BREAK = re.compile(r"\r\n|\r|\n")
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class CalendarEvent(NamedTuple):
    """An event of a letter; `title`, `place`, `url` and `description` are Jinja expressions, `condition` one that must
    hold. Letters with the same `seed` and start are of the same event."""

    seed: str
    starts_at: datetime
    ends_at: datetime | None
    title: str
    place: str | None = None
    url: str | None = None
    description: str | None = None
    condition: str | None = None


def calendar_source(events: Iterable[CalendarEvent]) -> str:
    """The source of the part; its letters differ only in what the expressions give."""
    return "\n".join((*_HEAD, *(line for one in events for line in _lines(one)), "END:VCALENDAR")) + "\n"


def _lines(event: CalendarEvent) -> Iterable[str]:
    start = stamp(event.starts_at)
    if event.condition:
        yield f"{{% if {event.condition} %}}"
    yield _EVENT
    yield f"UID:{hashlib.sha256(f'{event.seed} {start}'.encode()).hexdigest()[:32]}"
    yield f"DTSTAMP:{start}"  # not the present: letters of one mailing share the entry, and a retry repeats it
    yield f"DTSTART:{start}"
    if event.ends_at:
        yield f"DTEND:{stamp(event.ends_at)}"
    texts: Mapping[str, str | None] = {
        "SUMMARY": event.title,
        "LOCATION": event.place,
        "DESCRIPTION": event.description,
    }
    yield from (f"{name}:{{{{ ({text})|ics }}}}" for name, text in texts.items() if text)
    if event.url:
        yield f"URL:{{{{ {event.url} }}}}"
    yield "END:VEVENT"
    if event.condition:
        yield "{% endif %}"


def escaped(value: object) -> str:
    """The filter `ics`: a text as RFC 5545 §3.3.11 writes it."""
    text = str(value).replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return _UNSEEN.sub("", _BREAK.sub(r"\\n", text))


def utc_time(value: object) -> str:
    """The filter `ics_time`: a date with a time and an offset, in UTC."""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        if moment.tzinfo is None:
            raise ValueError
        return stamp(moment)
    except (ValueError, OverflowError) as error:
        told = Phrase("ics_time: a date with a time and an offset is expected")
        raise RenderError(Reason.TEMPLATE_ERROR, told) from error


def stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def finish_calendar(text: str) -> str:
    """The entry as it is sent: without properties that have no value, long lines folded; empty without an event."""
    if _EVENT not in text:
        return ""
    lines = [line.strip() for line in _BREAK.split(text)]
    return "".join(f"{_folded(line)}\r\n" for line in lines if line.partition(":")[2])


def _folded(line: str) -> str:
    pieces, room = [""], _LINE_OCTETS
    for sign in line:
        room -= len(sign.encode("utf-8", "surrogatepass"))
        if room < 0:
            pieces.append("")
            room = _LINE_OCTETS - 1 - len(sign.encode("utf-8", "surrogatepass"))
        pieces[-1] += sign
    return "\r\n ".join(pieces)
