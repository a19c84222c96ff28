"""When a campaign is sent, as a sentence: «По понедельникам и пятницам в 18:00 по Москве». Every page says it with this
(the filter `planned`)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from chalicelib.admin.zones import city_of
from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.schedule import (
    LATEST_ZONE,
    RECIPIENT,
    Schedule,
    first_moment,
    local_moment,
    occurrences,
    planning_zone,
    start_zone,
)
from chalicelib.campaigns.schedule_days import LAST, WEEK
from chalicelib.clock import now
from chalicelib.rendering.localized_format import long_date, short_date
from chalicelib.wall_clock import zone_of

NEXT_TIMES = 5
_WEEKEND = ("saturday", "sunday")
_A_SECOND = timedelta(seconds=1)


class NextTime(NamedTuple):
    """One of the next times: what the clocks of its zone show, and when that is elsewhere; for readers' own clocks,
    from the first zone on Earth to the last."""

    wall: datetime
    begins: datetime
    ends: datetime | None = None


def planned(campaign: Campaign | Mapping[str, Any], *, say: Mapping[str, Any], locale: str, zone: str) -> str:
    """The sentence, of a campaign or of its description. `say`: the words of the page; `zone`: the stage's own, in
    which a campaign without one is counted."""
    texts = say["schedule_words"]
    get = campaign.get if isinstance(campaign, Mapping) else partial(getattr, campaign)
    schedule, start, own = get("schedule"), get("start_at"), get("timezone") or zone
    start = datetime.fromisoformat(start) if isinstance(start, str) else start
    wall = None if start is None else start.astimezone(zone_of(start_zone(own)))
    if schedule is not None:
        schedule = schedule if isinstance(schedule, Schedule) else Schedule.model_validate(schedule)
        said = _periodic(schedule.in_days(), texts, locale)
        said = _with_zone(said, own, texts, locale)
        return str(texts["from"].format(said=said, date=_date(wall, locale))) if wall else said
    if wall is None:
        return str(texts["at_start"])
    once = texts["once"].format(date=_date(wall, locale))
    return _with_zone(texts["at"].format(day=once, time=f"{wall:%H:%M}"), own, texts, locale)


def next_times(spec: Campaign, *, zone: str) -> list[NextTime]:
    """The next five, or the only one; none before it is started."""
    own, after = spec.timezone or zone, now()
    if spec.schedule is None:
        start = first_moment(spec.start_at) if spec.start_at and own == RECIPIENT else spec.start_at
        moments = [start] if start and start > after else []
    else:
        after = after if spec.start_at is None else max(after, spec.start_at - _A_SECOND)
        moments = list(islice(occurrences(spec.schedule, own, after=after), NEXT_TIMES))
    return [_next(one, own) for one in moments]


def _next(moment: datetime, zone: str) -> NextTime:
    wall = moment.astimezone(zone_of(planning_zone(zone))).replace(tzinfo=None)
    return NextTime(wall, moment, local_moment(moment, LATEST_ZONE) if zone == RECIPIENT else None)


def _periodic(schedule: Schedule, texts: Mapping[str, Any], locale: str) -> str:
    if schedule.cron is not None:
        return str(texts["cron"].format(cron=schedule.cron))
    return str(texts["at"].format(day=_days(schedule, texts, locale), time=schedule.at))


def _days(schedule: Schedule, texts: Mapping[str, Any], locale: str) -> str:
    days = schedule.days
    if schedule.every == "month":
        numbers = [_ordinal(day, texts, locale) for day in days if isinstance(day, int)]
        parts = [texts["dates"].format(dates=_list(numbers, locale))] if numbers else []
        return str(texts["month"].format(days=_list([*parts, *[texts["last"]] * (LAST in days)], locale)))
    if schedule.every == "day" or len(days) == len(WEEK):
        return str(texts["day"])
    if days in (WEEK[:5], _WEEKEND):
        return str(texts["weekend" if days == _WEEKEND else "weekdays"])
    return str(texts["week"].format(days=_list([texts["on"][day] for day in days], locale)))


def _ordinal(day: int, texts: Mapping[str, Any], locale: str) -> str:
    from babel import Locale

    forms = texts["ordinals"]
    return str(forms.get(Locale.parse(locale).ordinal_form(day), forms["other"]).format(n=day))


def _list(parts: Sequence[str], locale: str) -> str:
    from babel.lists import format_list

    return format_list(list(parts), locale=locale)


def _date(wall: datetime, locale: str) -> str:
    said = short_date if wall.year == now().astimezone(wall.tzinfo).year else long_date
    return said(wall.date(), locale=locale)


def _with_zone(said: str, zone: str, texts: Mapping[str, Any], locale: str) -> str:
    if zone == RECIPIENT:
        return str(texts["readers"].format(said=said))
    named = texts["zones"].get(zone) or texts["other_zone"].format(city=city_of(zone, locale=locale))
    return str(texts["in_zone"].format(said=said, zone=named))
