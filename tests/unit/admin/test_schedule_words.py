"""When a campaign is sent, in words of both languages."""

from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.admin.schedule_words import next_times, planned
from chalicelib.admin.templating import LANGUAGES, words
from chalicelib.admin.zones import city_of, zone_choices, zone_named
from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.schedule import Schedule, occurrences
from chalicelib.campaigns.schedule_days import MONTH, WEEK
from chalicelib.clock import now
from chalicelib.errors import InvalidError

BODY: dict[str, Any] = {"name": "Autumn", "template": "promo", "audience": {"everyone": True}}
NEXT_YEAR = now().year + 1
times = st.times().map(lambda at: at.strftime("%H:%M"))
weekly = st.builds(
    lambda on, at: Schedule(every="week", on=tuple(on), at=at), st.sets(st.sampled_from(WEEK), min_size=1), times
)
monthly = st.builds(
    lambda on, at: Schedule(every="month", on=tuple(on), at=at), st.sets(st.sampled_from(MONTH), min_size=1), times
)


def said(locale: str, **when: Any) -> str:
    return planned(Campaign.model_validate({**BODY, **when}), say=words(locale), locale=locale, zone="Europe/Moscow")


@pytest.mark.parametrize(
    ("when", "en", "ru"),
    [
        ({}, "As soon as it is started", "Сразу после запуска"),
        (
            {"schedule": {"every": "week", "on": ["monday", "friday"], "at": "18:00"}},
            "Every week on Monday and Friday at 18:00, Moscow time",
            "По понедельникам и пятницам в 18:00 по Москве",
        ),
        (
            {"schedule": {"every": "week", "on": "wednesday", "at": "9:05"}, "timezone": "recipient"},
            "Every week on Wednesday at 09:05 where each reader lives",
            "По средам в 09:05 у каждого читателя",
        ),
        (
            {"schedule": {"every": "week", "on": list(WEEK), "at": "18:00"}, "timezone": "America/New_York"},
            "Every day at 18:00, New York time",
            "Каждый день в 18:00 по Нью-Йорку",
        ),
        (
            {"schedule": {"every": "month", "on": [1, 15, "last"], "at": "12:00"}, "timezone": "America/Chicago"},
            "Every month on the 1st and 15th and the last day at 12:00, Chicago time",
            "Каждый месяц 1-го и 15-го числа и в последний день в 12:00 по времени города Чикаго",
        ),
        (
            {"start_at": f"{NEXT_YEAR}-12-04T18:00:00Z", "timezone": "recipient"},
            f"On 4\u00a0December {NEXT_YEAR} at 18:00 where each reader lives",
            f"4\u00a0декабря {NEXT_YEAR} в 18:00 у каждого читателя",
        ),
        (
            {"start_at": f"{NEXT_YEAR}-12-04T18:00:00Z"},
            f"On 4\u00a0December {NEXT_YEAR} at 21:00, Moscow time",
            f"4\u00a0декабря {NEXT_YEAR} в 21:00 по Москве",
        ),
        ({"schedule": {"cron": "0 18 * * 1-5"}}, "On weekdays at 18:00, Moscow time", "По будням в 18:00 по Москве"),
        (
            {"schedule": {"cron": "*/5 18 * * *"}},
            "By the cron rule */5 18 * * *, Moscow time",
            "По правилу cron */5 18 * * *, по Москве",
        ),
    ],
)
def test_a_schedule_is_a_sentence(when: dict[str, Any], en: str, ru: str) -> None:
    assert (said("en", **when), said("ru", **when)) == (en, ru)
    described = Campaign.model_validate({**BODY, **when}).model_dump(mode="json")
    assert planned(described, say=words("ru"), locale="ru", zone="Europe/Moscow") == ru


@given(schedule=st.one_of(weekly, monthly))
def test_a_cron_expression_of_days_is_said_as_days_and_means_the_same(schedule: Schedule) -> None:
    cron = Schedule(cron=schedule.expression())
    after = datetime(2027, 1, 1, tzinfo=UTC)

    assert list(islice(occurrences(cron.in_days(), "Europe/Berlin", after=after), 9)) == list(
        islice(occurrences(cron, "Europe/Berlin", after=after), 9)
    )
    for locale in LANGUAGES:
        assert "cron" not in said(locale, schedule=cron.model_dump(exclude_none=True))
        assert said(locale, schedule=cron.model_dump(exclude_none=True)) == said(locale, schedule=schedule.model_dump())


@pytest.mark.parametrize("cron", ["0 18 1 * 1", "0 18 * * 5L", "0 18 31 * *", "0 9,18 * * *", "0 18 * 1 *"])
def test_what_no_days_say_stays_an_expression(cron: str) -> None:
    assert Schedule(cron=cron).in_days().cron == cron


@given(schedule=st.one_of(weekly, monthly))
def test_every_sentence_names_each_day_and_the_time(schedule: Schedule) -> None:
    for locale in LANGUAGES:
        text, texts = said(locale, schedule=schedule.model_dump()), words(locale)["schedule_words"]
        assert str(schedule.at) in text
        assert "{" not in text
        if schedule.every == "week" and len(schedule.days) in (1, 3, 4, 6):
            assert all(texts["on"][day] in text for day in schedule.days)


def test_readers_own_time_goes_from_the_first_zone_to_the_last() -> None:
    start = f"{NEXT_YEAR}-12-04T18:00:00Z"
    spec = Campaign.model_validate({**BODY, "start_at": start, "timezone": "recipient"})

    (only,) = next_times(spec, zone="Europe/Moscow")

    assert only.wall == datetime(NEXT_YEAR, 12, 4, 18)
    assert only.begins == datetime(NEXT_YEAR, 12, 4, 4, tzinfo=UTC)
    assert only.ends == datetime(NEXT_YEAR, 12, 5, 6, tzinfo=UTC)


def test_the_next_five_times_are_shown() -> None:
    spec = Campaign.model_validate({**BODY, "schedule": {"every": "day", "at": "18:00"}, "timezone": "Asia/Omsk"})

    assert [f"{one.wall:%H:%M}" for one in next_times(spec, zone="Europe/Moscow")] == ["18:00"] * 5


@pytest.mark.parametrize("text", ["Москва", " moscow ", "europe/moscow", "EUROPE/Moscow"])
def test_a_zone_is_named_by_its_city_in_any_language(text: str) -> None:
    assert zone_named(text, field="timezone", languages=LANGUAGES) == "Europe/Moscow"


def test_every_city_of_the_list_is_read_again() -> None:
    for locale in LANGUAGES:
        choices = zone_choices(locale, at=now())
        assert len(choices) > 400
        named = [zone_named(one.city, field="timezone", languages=LANGUAGES) for one in choices]
        assert [city_of(zone, locale=locale) for zone in named] == [one.city for one in choices]


def test_a_city_that_is_not_known_is_refused_at_its_field() -> None:
    with pytest.raises(InvalidError) as refused:
        zone_named("Atlantis", field="timezone", languages=LANGUAGES)
    assert [one.field for one in refused.value.errors] == ["timezone"]
