"""Caps: at most so many letters of a category in so many days, counted by one atomic write."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.errors import InvalidError, UnavailableError
from chalicelib.pipeline.caps import Caps
from chalicelib.profiles.model import UserBody
from chalicelib.storage.base import dynamodb
from chalicelib.wiring import control as wiring_control
from chalicelib.wiring import people as wiring_people
from tests.integration.conftest import Letters, Pump
from tests.integration.faults import unreachable
from tests.integration.pipeline.test_routing import accept, pump_all, route, rules, seen

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


class Clock:
    at = NOON

    def __call__(self) -> datetime:
        return self.at


def cap(letters: int = 2, days: int = 7) -> Caps:
    wiring_control.site_settings().put("caps", {"marketing": {"letters": letters, "days": days}}, by="test")
    return Caps(site=wiring_control.site_settings(), clock=Clock())


def take(caps: Caps, *ids: str, category: str = "marketing") -> list[str]:
    return sorted(caps.take(category, dict.fromkeys(ids, "anna")).notification_ids)


def test_what_is_over_the_cap_is_refused_and_names_the_rule(stage: None) -> None:
    caps = cap()
    assert take(caps, "a") == []
    assert take(caps, "b", "c") == ["c"]
    assert caps.take("marketing", {"d": "anna"}).rule == "cap marketing: 2 in 7 days"


def test_the_same_letter_counts_once_however_often_it_is_asked_for(stage: None) -> None:
    caps = cap()
    for _ in range(5):
        assert take(caps, "a") == []
    assert take(caps, "b") == []


def test_every_user_and_every_category_has_a_count_of_its_own(stage: None) -> None:
    caps = cap(letters=1)
    assert caps.take("marketing", {"a": "anna", "b": "boris"}).notification_ids == frozenset()
    assert take(caps, "c", category="series") == []


def test_a_letter_stops_counting_when_its_days_are_over(stage: None, monkeypatch: pytest.MonkeyPatch) -> None:
    caps = cap(letters=1)
    take(caps, "a")
    monkeypatch.setattr(Clock, "at", NOON + timedelta(days=7, seconds=-1))
    assert take(caps, "b") == ["b"]
    monkeypatch.setattr(Clock, "at", NOON + timedelta(days=7, seconds=1))
    assert take(caps, "b") == []


def test_of_many_workers_at_once_no_more_than_the_cap_get_through(stage: None) -> None:
    caps = cap(letters=3)

    def one(n: int) -> int:
        while True:
            try:
                return len(take(caps, f"n{n}"))
            except UnavailableError:
                continue  # contended: the message comes back

    with ThreadPoolExecutor(max_workers=6) as pool:
        refused = sum(pool.map(one, range(12)))
    assert refused == 9
    assert len(caps.of("anna")["marketing"]) == 3


def test_a_table_that_does_not_answer_counts_nothing(stage: None) -> None:
    caps = cap()
    take(caps, "a")  # the settings are known then
    dynamodb().client.meta.events.register("before-send.dynamodb.BatchGetItem", unreachable)
    with pytest.raises(UnavailableError):
        take(caps, "b")


def test_letters_about_the_account_have_no_cap(stage: None) -> None:
    with pytest.raises(InvalidError):
        wiring_control.site_settings().put("caps", {"account": {"letters": 1, "days": 1}}, by="test")


def test_a_letter_over_the_cap_is_skipped_and_the_timeline_says_by_which_rule(pump: Pump, letters: Letters) -> None:
    wiring_people.directory().put("anna", UserBody(email="anna@example.com", phone="+79261234567"))
    cap(letters=1)
    route("first")
    sent = [accept() for _ in range(2)]
    pump_all(pump)
    assert len(letters()) == 1
    [over] = [one for one in sent if seen(one)["email"][1] == "capped"]
    assert set(seen(over).values()) == {("skipped", "capped")}
    assert rules(over, "sms") == ["cap marketing: 1 in 7 days"]
