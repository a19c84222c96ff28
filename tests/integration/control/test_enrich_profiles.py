"""`enrich` on the cinema's own service: partial answers, an outage, an open switch."""

import json
from collections.abc import Iterator
from uuid import UUID

import pytest

from chalicelib.errors import UnavailableError
from chalicelib.pipeline.enrich import Enriched
from chalicelib.pipeline.jobs import EnrichJob
from chalicelib.pipeline.requests import NotificationRequest
from chalicelib.pipeline.retry import RetryJob
from chalicelib.profiles.preferences import Preferences
from chalicelib.security.signing import LetterClaims
from chalicelib.stage.app import Stage
from tests.integration.conftest import Pump
from tests.integration.control import mappings
from tests.integration.control.test_dead_letters import arrive
from tests.integration.control.user_service import UserService, running
from tests.processes import compose

PROMO = {
    "template": "promo",
    "context": {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"},
}


@pytest.fixture
def service(stage: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[UserService]:
    with running() as service:
        monkeypatch.setenv("VESTNIK_PROFILES_URL", service.url)
        monkeypatch.setenv("VESTNIK_PRIVATE_ADDRESSES", "true")
        monkeypatch.setenv("VESTNIK_MAX_ATTEMPTS", "3")
        compose()
        service.users = {f"u-{n}": {"id": f"u-{n}", "email": f"u-{n}@example.com"} for n in range(1, 4)}
        yield service
        Stage.own().profile_source._session.close()  # type: ignore[attr-defined]


def job(pump: Pump, *, attempt: int = 1, users: int = 3) -> EnrichJob:
    people = [{"user_id": f"u-{n}"} for n in range(1, users + 1)]
    request = NotificationRequest.model_validate({**PROMO, "recipients": people, "lane": "bulk"})
    Stage.own().accept.accept(request, caller="shop", key=None)
    [body] = pump.bodies("enrich-bulk")
    return EnrichJob.model_validate_json(body).model_copy(update={"attempt": attempt})


def queued(pump: Pump) -> list[str]:
    return [r["user_id"] for body in pump.bodies("deliver-email-bulk") for r in json.loads(body)["recipients"]]


def put_aside(pump: Pump) -> list[EnrichJob]:
    arrive("retry")
    return [EnrichJob.model_validate_json(RetryJob.model_validate_json(b).body) for b in pump.bodies("retry")]


def test_a_chunk_goes_on_with_one_question(service: UserService, pump: Pump) -> None:
    assert Stage.own().enrich.enrich(job(pump)) == Enriched(queued=3)
    assert len(service.asked) == 1
    assert queued(pump) == ["u-1", "u-2", "u-3"]


def test_the_services_users_have_their_own_say_too(service: UserService, pump: Pump) -> None:
    Stage.own().preferences.put("u-2", Preferences(everything=False))

    assert Stage.own().enrich.enrich(job(pump)) == Enriched(queued=2, skipped={"opted_out_of_everything": 1})
    assert queued(pump) == ["u-1", "u-3"]


def test_whoever_was_not_answered_for_comes_back_in_a_job_of_their_own(service: UserService, pump: Pump) -> None:
    service.missing = {"u-2"}

    assert Stage.own().enrich.enrich(job(pump)) == Enriched(queued=2, held=1)
    assert queued(pump) == ["u-1", "u-3"]
    [late] = put_aside(pump)
    assert ([r.user_id for r in late.recipients], late.attempt) == (["u-2"], 2)


def test_a_chunk_of_which_nobody_was_answered_for_comes_back_whole(service: UserService, pump: Pump) -> None:
    service.missing = {"u-1", "u-2", "u-3"}

    assert Stage.own().enrich.enrich(job(pump)) == Enriched(held=3)
    assert len(put_aside(pump)[0].recipients) == 3


def test_an_unknown_user_is_skipped_and_not_asked_for_again(service: UserService, pump: Pump) -> None:
    del service.users["u-2"]

    assert Stage.own().enrich.enrich(job(pump)) == Enriched(queued=2, skipped={"unknown_user": 1})
    assert put_aside(pump) == []


def test_at_the_last_attempt_the_others_go_on_before_the_message_fails(service: UserService, pump: Pump) -> None:
    service.missing = {"u-2"}

    with pytest.raises(UnavailableError):
        Stage.own().enrich.enrich(job(pump, attempt=3))
    assert queued(pump) == ["u-1", "u-3"]
    assert put_aside(pump) == []


def test_a_failed_question_counts_an_attempt_and_puts_the_job_aside(service: UserService, pump: Pump) -> None:
    service.answer = lambda _: (500, {}, b"")

    assert Stage.own().enrich.enrich(job(pump)) == Enriched(held=3)
    assert [late.attempt for late in put_aside(pump)] == [2]
    assert queued(pump) == []


def test_a_message_whose_attempts_are_used_up_fails_towards_its_dead_letters(service: UserService, pump: Pump) -> None:
    service.answer = lambda _: (500, {}, b"")
    last = job(pump, attempt=3)

    with pytest.raises(UnavailableError):
        Stage.own().enrich.enrich(last)
    assert put_aside(pump) == []


def test_five_failed_questions_open_the_switch_and_turn_the_enrichers_off(service: UserService, pump: Pump) -> None:
    service.answer = lambda _: (503, {}, b"")
    one = job(pump)
    mappings.deploy("enrich")
    for _ in range(5):
        Stage.own().enrich.enrich(one)

    assert Stage.own().switches.read("profiles").state == "open"
    assert not mappings.are_on() & {"enrich-instant", "enrich-bulk"}


def test_the_switch_says_that_the_service_refuses_us(service: UserService, pump: Pump) -> None:
    """Promise G3: a wrong key or address of ours is not called a service that is down."""
    service.answer = lambda _: (403, {}, b"")
    one = job(pump)
    for _ in range(5):
        Stage.own().enrich.enrich(one)

    switch = Stage.own().switches.read("profiles")
    assert (switch.state, switch.reason) == ("open", "the profile service refuses this stage (403)")


def test_a_slower_pace_is_no_failure(service: UserService, pump: Pump) -> None:
    """Promise G3: "slow down" halves the limit and opens no switch."""
    service.answer = lambda _: (429, {}, b"")
    one = job(pump)
    before = Stage.own().limiter.read_all(["profiles.bulk"])[0].current_per_second
    for _ in range(6):
        Stage.own().enrich.enrich(one)

    assert Stage.own().switches.read("profiles").state == "closed"
    assert Stage.own().limiter.read_all(["profiles.bulk"])[0].current_per_second < before


def test_an_open_switch_asks_nothing_and_counts_no_attempt(service: UserService, pump: Pump) -> None:
    one = job(pump, attempt=3)
    Stage.own().switches.open("profiles", by="key:ops", reason="x")

    assert Stage.own().enrich.enrich(one) == Enriched(held=3)
    assert service.asked == []
    [late] = put_aside(pump)
    assert (late.attempt, len(late.recipients)) == (3, 3)


def test_guests_need_no_profile_and_go_on_though_the_switch_is_open(service: UserService, pump: Pump) -> None:
    Stage.own().switches.open("profiles", by="key:ops", reason="x")
    guest = {**PROMO, "recipients": [{"email": "guest@example.com"}], "lane": "bulk"}
    Stage.own().accept.accept(NotificationRequest.model_validate(guest), caller="shop", key=None)

    pump.run("enrich-bulk")
    assert len(pump.bodies("deliver-email-bulk")) == 1


def test_a_wish_is_kept_though_the_user_service_does_not_answer_and_reaches_the_address_later(
    service: UserService,
) -> None:
    """Promise C1: who is not known for a moment is not taken for erased, and an opt-out is not lost on the way."""
    mailboxes, address = Stage.own().address_opt_outs, "u-1@example.com"
    claims = LetterClaims(
        "u-1", Stage.own().address_hashes.owner("email", address), "email", "marketing", f"{UUID(int=1)}"
    )
    service.answer = lambda _: (200, {"Content-Type": "application/json"}, b'{"users": [], "unknown": []}')
    with pytest.raises(UnavailableError):
        Stage.own().unsubscribe.unsubscribe(claims)
    assert not Stage.own().preferences.get("u-1").wants("marketing", "email")
    assert mailboxes.against(None, "email", address).objections == {}

    service.answer = None
    Stage.own().unsubscribe.unsubscribe(claims)
    assert mailboxes.against(None, "email", address).objections["marketing"].reason == "opted_out"
