"""Digests: letters that their readers want together, sent as one at their local hour."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.errors import UnavailableError
from chalicelib.pipeline import digest as sender
from chalicelib.pipeline.jobs import DigestJob
from chalicelib.pipeline.requests import NotificationRequest
from chalicelib.profiles.digest_preferences import DigestWish
from chalicelib.profiles.model import UserBody
from chalicelib.profiles.preferences import Preferences
from chalicelib.security.signing import LetterClaims, Purpose
from chalicelib.stage.app import Stage
from chalicelib.storage.dynamodb import dynamodb
from tests.integration.conftest import Letters, Pump
from tests.integration.faults import unreachable
from tests.integration.pipeline.test_routing import rules, seen
from tests.processes import compose

NOW = datetime.now(UTC).replace(microsecond=0)
SERIES = {"season": 2, "episode": 5, "title": "Low Water", "url": "https://cinema.example/lighthouse/2/5"}


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock(pump: Pump, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    compose(clock=clock)
    Stage.own().directory.put("anna", UserBody(email="anna@example.com", locale="en", timezone="UTC"))
    yield clock


def wish(every: str | None = "day", category: str = "series", **more: Any) -> None:
    digests = {category: {"every": every, **more}} if every else {}
    Stage.own().preferences.put("anna", Preferences.model_validate({"digests": digests}))


def accept(series: str = "The Lighthouse", **more: Any) -> str:
    asked = {"template": "new-episode", "context": {"series": series, **SERIES}}
    request = NotificationRequest.model_validate({**asked, "recipients": [{"user_id": "anna"}], **more})
    return Stage.own().accept.accept(request, caller="shop", key=None)[0].id


def flush(pump: Pump, clock: Clock, *, days: float = 1) -> None:
    clock.at += timedelta(days=days)
    Stage.own().digest_queue.release()
    assert pump.run() == []


def test_what_a_user_wants_daily_comes_as_one_letter(clock: Clock, pump: Pump, letters: Letters) -> None:
    wish()
    sent = [accept("The Lighthouse"), accept("The Harbour")]
    pump.run()
    assert letters() == []
    assert {seen(one)["email"] for one in sent} == {("scheduled", "digest")}
    assert (rules(sent[0], "email")[0] or "").startswith("digest series: every day at 09:00, until ")
    flush(pump, clock)
    [letter] = letters()
    assert letter["subject"] == "What’s new: 2 updates"
    assert {seen(one)["email"] for one in sent} == {("skipped", "in_digest")}
    [own] = {rules(one, "email")[-1] for one in sent}
    told = Stage.own().history.notification((own or "").rpartition(" ")[2])
    assert (told["template"], told["status"]) == ("collected", "sent")
    titles = sorted(one["title"] for one in _items(told["request_id"]))
    assert titles == ["The Harbour: new episode", "The Lighthouse: new episode"]


def _items(request_id: str) -> list[dict[str, str]]:
    from chalicelib.storage.rows.ledger import REQUEST_PART, RequestRow

    items: list[dict[str, str]] = RequestRow.get(request_id, REQUEST_PART).letter["context"]["items"]
    return items


def test_nothing_comes_twice_however_often_everything_is_repeated(clock: Clock, pump: Pump, letters: Letters) -> None:
    wish()
    accept()
    [body] = pump.bodies("enrich-instant")
    pump.put("enrich-instant", body)
    pump.run()
    flush(pump, clock)
    pump.put("enrich-instant", body)
    pump.put("digest", DigestJob(user_id="anna").model_dump_json())
    pump.run()
    flush(pump, clock)
    assert len(letters()) == 1


@pytest.mark.parametrize("change", [None, "week"])
def test_a_change_of_the_setting_loses_nothing(clock: Clock, pump: Pump, letters: Letters, change: str | None) -> None:
    wish("day")
    accept()
    pump.run()
    wish(change)
    flush(pump, clock)
    assert len(letters()) == 1
    flush(pump, clock, days=8)
    assert len(letters()) == 1


PROMO = {"headline": "Half price", "text": "Tonight", "url": "https://cinema.example/p"}
BOTH = {"series": {"every": "day"}, "marketing": {"every": "day"}}


def switch_off(*categories: str) -> None:
    off = {"categories": {one: {"email": False} for one in categories}, "digests": BOTH}
    Stage.own().preferences.put("anna", Preferences.model_validate(off))


def accept_promo() -> str:
    return accept(template="promo", context=PROMO)


def test_who_switches_the_category_off_meanwhile_gets_nothing_of_it(clock: Clock, pump: Pump, letters: Letters) -> None:
    """Promise C5: a line of a category that was switched off while it waited is not sent."""
    wish()
    sent = accept()
    pump.run()
    switch_off("series")
    flush(pump, clock)
    assert letters() == []
    assert seen(sent)["email"] == ("skipped", "opted_out")


def test_a_digest_goes_by_the_categories_inside_it(clock: Clock, pump: Pump, letters: Letters) -> None:
    """Promise C5: who has left the weekly selection gets the series news all the same, with the words and the links of
    series news."""
    switch_off("digest")
    sent = accept()
    pump.run()
    assert seen(sent)["email"] == ("scheduled", "digest")
    flush(pump, clock)
    [letter] = letters()
    assert "because you follow the series" in letter["body"]
    assert "weekly selection" not in letter["body"]
    assert told_of(letter) == "series"


def test_a_digest_of_several_categories_names_them_all_and_unsubscribes_from_them(
    clock: Clock, pump: Pump, letters: Letters
) -> None:
    """Promise C5: one click means the letters of every category inside."""
    switch_off()
    accept()
    accept_promo()
    pump.run()
    flush(pump, clock)
    [letter] = letters()
    assert "because you follow the series" in letter["body"]
    assert "signed up for news of premieres" in letter["body"]
    assert set(told_of(letter).split(",")) == {"series", "marketing"}
    Stage.own().unsubscribe.unsubscribe(claims_of(letter))
    said = Stage.own().preferences.get("anna")
    assert [said.wants(one, "email") for one in ("series", "marketing", "digest")] == [False, False, True]


def test_a_line_whose_category_is_switched_off_before_the_letter_leaves_is_not_sent(
    clock: Clock, pump: Pump, letters: Letters
) -> None:
    """Promise C5: the last look takes the lines of one category out; without a line there is no letter."""
    for off in (["marketing"], ["marketing", "series"]):
        switch_off()
        accept()
        accept_promo()
        pump.run()
        clock.at += timedelta(days=1)
        Stage.own().digest_queue.release()
        pump.run("digest", "enrich-instant")
        switch_off(*off)
        assert pump.run() == []
    [letter] = letters()
    assert "The Lighthouse" in letter["body"]
    assert "Half price" not in letter["body"]
    assert told_of(letter) == "series"


def test_a_digest_counts_against_the_caps_of_the_categories_inside_it(
    clock: Clock, pump: Pump, letters: Letters
) -> None:
    """Promise C5: what a category has had enough of is left out of the letter."""
    Stage.own().site_settings.put("caps", {"marketing": {"letters": 1, "days": 7}}, by="admin")
    for _ in range(2):
        switch_off()
        accept()
        accept_promo()
        pump.run()
        flush(pump, clock)
    first, second = letters()
    assert "Half price" in first["body"]
    assert "Half price" not in second["body"]


def claims_of(letter: dict[str, Any]) -> LetterClaims:
    [token] = set(re.findall(r"/unsubscribe/([A-Za-z0-9_.-]+)", letter["body"]))
    return Stage.own().tokens.read(Purpose.UNSUBSCRIBE, token)


def told_of(letter: dict[str, Any]) -> str:
    """The categories that its link of unsubscribing speaks of."""
    return claims_of(letter).category


def test_what_waits_together_for_an_erased_user_ends(clock: Clock, pump: Pump, letters: Letters) -> None:
    """Promise C4: it is not sent, and waits for nobody: a run that it belongs to is over."""
    wish()
    sent = [accept("The Lighthouse"), accept("The Harbour")]
    pump.run()
    for _ in range(2):
        Stage.own().digest_queue.erase("anna")
    Stage.own().personal_data.erase("anna")

    flush(pump, clock)
    assert letters() == []
    assert {seen(one)["email"] for one in sent} == {("skipped", "erased")}


def test_other_categories_and_other_people_are_not_held_up(clock: Clock, pump: Pump, letters: Letters) -> None:
    wish(category="marketing")
    accept()
    pump.run()
    assert len(letters()) == 1


def test_what_would_expire_before_the_digest_goes_at_once(clock: Clock, pump: Pump, letters: Letters) -> None:
    at = (NOW + timedelta(hours=2)).strftime("%H:%M")
    wish(at=at)
    accept(expires_at=(NOW + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    pump.run()
    assert len(letters()) == 1


def test_a_letter_that_waits_for_a_digest_can_be_cancelled(clock: Clock, pump: Pump, letters: Letters) -> None:
    from chalicelib.services.operator_actions import cancel

    wish()
    sent = accept()
    pump.run()
    cancel(sent, ledger=Stage.own().ledger)
    assert seen(sent)["email"] == ("cancelled", None)
    flush(pump, clock)
    assert letters() == []


def test_a_worker_that_dies_after_the_letter_was_accepted_sends_no_second_one(
    clock: Clock, pump: Pump, letters: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish()
    sent = accept()
    pump.run()
    clock.at += timedelta(days=1)
    digest = Stage.own().digest

    def dies(*_: Any) -> None:
        raise UnavailableError("it died")

    with monkeypatch.context() as context:
        context.setattr(sender, "forget_collected", dies)
        with pytest.raises(UnavailableError):
            digest.send("anna")
    accept("The Harbour")  # collected after the first letter was fixed
    pump.run()
    assert digest.send("anna") == 1
    pump.run()
    assert len(letters()) == 1
    assert seen(sent)["email"] == ("skipped", "in_digest")


def test_a_table_that_does_not_answer_leaves_everything_for_the_next_try(
    clock: Clock, pump: Pump, letters: Letters
) -> None:
    wish()
    accept()
    pump.run()
    events = dynamodb().client.meta.events
    events.register_first("before-send.dynamodb.TransactWriteItems", unreachable)
    clock.at += timedelta(days=1)
    with pytest.raises(UnavailableError):
        Stage.own().digest.send("anna")
    events.unregister("before-send.dynamodb.TransactWriteItems", unreachable)
    assert Stage.own().digest.send("anna") == 1
    pump.run()
    assert len(letters()) == 1


MONDAY = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "zone", "due"),
    [
        ({"every": "day"}, "UTC", datetime(2026, 11, 23, 9, tzinfo=UTC)),
        ({"every": "day", "at": "08:30"}, "UTC", datetime(2026, 11, 24, 8, 30, tzinfo=UTC)),
        ({"every": "day"}, "Europe/Moscow", datetime(2026, 11, 24, 6, tzinfo=UTC)),
        ({"every": "week"}, "UTC", datetime(2026, 11, 23, 9, tzinfo=UTC)),
        ({"every": "week", "on": "sunday"}, "America/New_York", datetime(2026, 11, 29, 14, tzinfo=UTC)),
        ({"every": "day"}, "Nowhere/Land", datetime(2026, 11, 23, 9, tzinfo=UTC)),
    ],
)
def test_the_moment_is_the_next_one_on_the_users_own_clock(given: Any, zone: str, due: datetime) -> None:
    assert DigestWish.model_validate(given).next_after(MONDAY, zone=zone) == due
