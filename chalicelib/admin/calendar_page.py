"""The calendar: what will be sent and what was sent, by month and by week."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from chalicelib.admin.templating import Page, url
from chalicelib.admin.views import Visit, page
from chalicelib.campaigns.sending_calendar import CalendarSpan
from chalicelib.campaigns.sendings import Sending
from chalicelib.clock import Day, now
from chalicelib.errors import InvalidError, Phrase
from chalicelib.settings import settings
from chalicelib.stage.app import stage

VIEWS = ("month", "week")
_WEEK = timedelta(days=7)
_DAY = TypeAdapter[date](Day)


@page("/admin/calendar")
def sending_calendar(visit: Visit) -> Page:
    """The month or the week around a day, by default around today."""
    today = now().astimezone(ZoneInfo(settings().default_timezone)).date()
    view, day = visit.query.get("view") or "month", _day(visit.query.get("day"), today)
    if view not in VIEWS:
        raise InvalidError.of("view", Phrase("expected one of {known}", known=", ".join(VIEWS)))
    first, last = _span(view, day)
    seen = stage().sending_calendar.between(first, last, values=stage().site_settings.current())
    shown = {
        "view": view,
        "day": day,
        "today": today,
        "first": first,
        "last": last,
        "weeks": _weeks(first, last, seen),
        "seen": seen,
        "views": {name: url("/admin/calendar", view=name, day=day) for name in VIEWS},
        "previous": url("/admin/calendar", view=view, day=_previous(view, day)),
        "following": url("/admin/calendar", view=view, day=_following(view, day)),
        "now_url": url("/admin/calendar", view=view),
    }
    return Page("calendar", shown)


def _day(text: str | None, today: date) -> date:
    if not text:
        return today
    try:
        return _DAY.validate_python(text)
    except ValidationError as error:
        raise InvalidError.of("day", Phrase("expected a day such as 2026-12-01")) from error


def _span(view: str, day: date) -> tuple[date, date]:
    """Whole weeks, from Monday to Sunday."""
    first = day.replace(day=1) if view == "month" else day
    last = _following(view, day) - timedelta(days=1) if view == "month" else day
    first -= timedelta(days=first.weekday())
    return first, last + timedelta(days=6 - last.weekday())


def _previous(view: str, day: date) -> date:
    return day - _WEEK if view == "week" else (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def _following(view: str, day: date) -> date:
    return day + _WEEK if view == "week" else (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _weeks(first: date, last: date, seen: CalendarSpan) -> Sequence[Sequence[Mapping[str, Any]]]:
    """Each day with what is sent, a campaign that leaves often once, and the caps that bite."""
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    shown = [
        {
            "day": day,
            "sendings": _grouped([one for one in seen.sendings if one.day == day]),
            "reached": [one for one in seen.reached if one.day == day],
        }
        for day in days
    ]
    return [shown[n : n + 7] for n in range(0, len(shown), 7)]


def _grouped(sendings: Sequence[Sending]) -> list[tuple[Sending, int, Sending]]:
    """For each campaign and state of a day: its first time, how many there are, and the last."""
    groups: dict[tuple[str, str], list[Sending]] = {}
    for one in sendings:
        groups.setdefault((one.campaign_id, one.state), []).append(one)
    return [(those[0], len(those), those[-1]) for those in groups.values()]
