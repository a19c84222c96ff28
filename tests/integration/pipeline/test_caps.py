"""Caps: at most so many letters of a category in so many days, counted by one atomic write."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.errors import InvalidError, UnavailableError
from chalicelib.pipeline.caps import Caps
from chalicelib.pipeline.eligibility import Addressee
from chalicelib.profiles.model import UserBody
from chalicelib.stage.app import Stage
from chalicelib.storage.dynamodb import dynamodb
from chalicelib.storage.frequency_caps import FrequencyCaps
from chalicelib.storage.rows.people import CapRow
from tests.integration.conftest import Letters, Pump
from tests.integration.faults import unreachable
from tests.integration.pipeline.test_routing import accept, pump_all, route, rules, seen

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


class Clock:
    at = NOON

    def __call__(self) -> datetime:
        return self.at


def cap(letters: int = 2, days: int = 7) -> Caps:
    Stage.own().site_settings.put("caps", {"marketing": {"letters": letters, "days": days}}, by="test")
    store = FrequencyCaps(clock=Clock())
    return Caps(site=Stage.own().site_settings, store=store, addresses=Stage.own().address_hashes)


def of(user: str | None, address: str | None = None) -> Addressee:
    return Addressee("", user, address or f"{user}@example.com", None)


def take(caps: Caps, *ids: str, category: str = "marketing") -> list[str]:
    return sorted(caps.take(category, "email", dict.fromkeys(ids, of("anna")))[0])


def test_what_is_over_the_cap_is_refused_and_names_the_rule(stage: None) -> None:
    caps = cap()
    assert take(caps, "a") == []
    assert take(caps, "b", "c") == ["c"]
    assert caps.take("marketing", "email", {"d": of("anna")})[1] == "cap marketing: 2 in 7 days"


def test_the_same_letter_counts_once_however_often_it_is_asked_for(stage: None) -> None:
    caps = cap()
    for _ in range(5):
        assert take(caps, "a") == []
    assert take(caps, "b") == []


def test_every_user_and_every_category_has_a_count_of_its_own(stage: None) -> None:
    caps = cap(letters=1)
    assert caps.take("marketing", "email", {"a": of("anna"), "b": of("boris")})[0] == frozenset()
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
    assert len(Stage.own().caps.of("anna")["marketing"]) == 3


def test_a_table_that_does_not_answer_counts_nothing(stage: None) -> None:
    caps = cap()
    take(caps, "a")  # the settings are known then
    dynamodb().client.meta.events.register("before-send.dynamodb.BatchGetItem", unreachable)
    with pytest.raises(UnavailableError):
        take(caps, "b")


def test_letters_about_the_account_have_no_cap(stage: None) -> None:
    with pytest.raises(InvalidError):
        Stage.own().site_settings.put("caps", {"account": {"letters": 1, "days": 1}}, by="test")


def test_a_letter_over_the_cap_is_skipped_and_the_timeline_says_by_which_rule(pump: Pump, letters: Letters) -> None:
    Stage.own().directory.put("anna", UserBody(email="anna@example.com", phone="+79261234567"))
    cap(letters=1)
    route("first")
    sent = [accept() for _ in range(2)]
    pump_all(pump)
    assert len(letters()) == 1
    [over] = [one for one in sent if seen(one)["email"][1] == "capped"]
    assert set(seen(over).values()) == {("skipped", "capped")}
    assert rules(over, "sms") == ["cap marketing: 1 in 7 days"]


def test_a_cap_counts_the_address_whoever_is_written_to_there(stage: None) -> None:
    """Promise C7: another user, or nobody, at the same address, in another spelling, is the same address."""
    caps = cap(letters=1)
    assert caps.take("marketing", "email", {"a": of("anna", "family@example.com")})[0] == frozenset()
    others = {
        "b": of("boris", "Family@Example.com"),
        "c": of(None, "family@example.com"),
        "d": of(None, "x@example.com"),
    }
    assert caps.take("marketing", "email", others)[0] == {"b", "c"}
    assert caps.take("marketing", "email", {"e": of("anna", "new@example.com")})[0] == {"e"}


def test_many_registrations_with_one_address_are_a_few_letters(pump: Pump, letters: Letters) -> None:
    """Promise C7: twelve ids, one address: as many welcome letters as an address gets; a new password still comes."""
    ids = []
    for n in range(12):
        Stage.own().directory.put(f"u-{n}", UserBody(email="one@example.com" if n % 2 else "One@Example.com"))
        ids.append(accept(recipients=[{"user_id": f"u-{n}"}], template="welcome", context={}))
    pump.run()
    most = Stage.own().site_settings.current().account_letters.letters
    assert len(letters()) == most < 12
    told = [seen(one)["email"] for one in ids]
    assert (told.count(("sent", None)), told.count(("skipped", "too_many_to_address"))) == (most, 12 - most)
    reset = {"reset_url": "https://cinema.example/reset", "valid_minutes": 30}
    accept(recipients=[{"user_id": "u-0"}], template="password-reset", context=reset)
    pump.run()
    assert len(letters()) == most + 1


def test_a_letter_about_an_account_that_is_asked_for_again_counts_once(stage: None) -> None:
    """Promise C7: neither a retry nor a message that comes twice uses up a place; a new window has new ones."""
    caps = cap()
    most = Stage.own().site_settings.current().account_letters.letters
    for n in range(most):
        for _ in range(3):
            assert caps.take_account_letter("welcome", "email", f"n-{n}", of("anna")) is None
    assert caps.take_account_letter("welcome", "email", "n-0", of("anna")) is None
    assert caps.take_account_letter("welcome", "email", "more", of("boris", "anna@example.com")) is not None
    assert caps.take_account_letter("welcome", "email", "more", of("boris")) is None


def test_an_address_is_taken_once_in_a_run(stage: None) -> None:
    """Promise C6: by one letter, however often it is requested, in one chunk or several; another run starts afresh."""
    caps = cap()

    def left_out(run_id: str, **wanted: str) -> list[str]:
        return sorted(caps.take_of_run(run_id, "email", {one: of(one, address) for one, address in wanted.items()}))

    assert left_out("c@1", a="One@example.com", b="one@example.com", c="other@example.com") == ["b"]
    assert left_out("c@1", a="One@example.com", b="one@example.com") == ["b"]
    assert left_out("c@1", d="other@example.com", e="third@example.com", a="one@example.com") == ["d"]
    assert left_out("c@2", d="other@example.com") == []


def test_two_workers_take_an_address_of_a_run_for_one_letter(stage: None) -> None:
    """Promise C6: at once, among addresses that nobody else wants."""
    caps = cap()

    def take_one(n: int) -> frozenset[str]:
        return caps.take_of_run("c@1", "email", {f"own-{n}": of(f"u-{n}"), f"n-{n}": of("anna")})

    with ThreadPoolExecutor(4) as workers:
        others = [one for refused in workers.map(take_one, range(8)) for one in refused]
    assert (len(set(others)), {one[:2] for one in others}) == (7, {"n-"})


def test_a_run_whose_addresses_cannot_be_written_sends_nothing(stage: None) -> None:
    caps = cap()
    dynamodb().client.meta.events.register("before-send.dynamodb.BatchExecuteStatement", unreachable)
    with pytest.raises(UnavailableError):
        caps.take_of_run("c@1", "email", {"a": of("anna")})


def test_an_address_of_a_run_that_is_erased_meanwhile_is_taken_the_next_time(stage: None) -> None:
    caps = cap()
    assert caps.take_of_run("c@1", "email", {"a": of("anna")}) == frozenset()
    [owner] = {row.user_id for row in CapRow.scan()}
    met: list[str] = []

    def erase(**_: object) -> None:
        if not met:
            met.append(owner)
            caps.store.erase(owner)

    dynamodb().client.meta.events.register_first("before-call.dynamodb.BatchGetItem", erase)
    with pytest.raises(UnavailableError):
        caps.take_of_run("c@1", "email", {"b": of("anna")})
    assert caps.take_of_run("c@1", "email", {"b": of("anna")}) == frozenset()


def test_an_address_that_nobody_has_confirmed_gets_few_letters_of_any_kind(pump: Pump, letters: Letters) -> None:
    """Promise I3: whoever is registered there, by whatever templates; once it is confirmed, letters come again."""
    Stage.own().site_settings.put("unconfirmed_letters", {"letters": 3, "minutes": 60}, by="test")
    reset = {"reset_url": "https://cinema.example/reset", "valid_minutes": 30}
    ids = []
    for n in range(4):
        Stage.own().directory.put(f"u-{n}", UserBody(email="victim@example.com"))
        ids.append(accept(recipients=[{"user_id": f"u-{n}"}], template="welcome", context={}))
        ids.append(accept(recipients=[{"user_id": f"u-{n}"}], template="password-reset", context=reset))
    pump.run()
    told = [seen(one)["email"] for one in ids]
    assert (told.count(("sent", None)), told.count(("skipped", "too_many_to_address"))) == (3, 5)
    assert len(letters()) == 3
    Stage.own().directory.confirm("u-0", email="victim@example.com")
    accept(recipients=[{"user_id": "u-0"}], template="password-reset", context=reset)
    pump.run()
    assert len(letters()) == 4


def test_a_stranger_s_number_gets_few_texts_and_what_is_the_user_s_own_is_not_counted(stage: None) -> None:
    """Promise I3: nobody confirms a telephone number; devices, chats and the site itself are their user's."""
    caps = cap()
    most = Stage.own().site_settings.current().unconfirmed_letters.letters
    number = of(None, "+79261234567")
    assert [caps.take_unconfirmed("sms", f"n-{n}", number) is None for n in range(most + 2)] == [True] * most + [
        False
    ] * 2
    assert caps.take_unconfirmed("sms", "n-0", number) is None
    assert all(caps.take_unconfirmed("live", f"n-{n}", of("anna", "anna")) is None for n in range(most + 2))


@pytest.mark.parametrize(
    "spellings",
    [
        ["victim@example.com", "victim+1@example.com", "Victim+shop@EXAMPLE.com", "victim+a+b@example.com"],
        ["v.ictim@gmail.com", "victim@googlemail.com", "VICTIM+x@gmail.com", "vic.tim@gmail.com"],
        ["victim@пример.рф", "victim+x@xn--e1afmkfd.xn--p1ai", "victim@ПРИМЕР.рф", "victim+y@пример.рф"],
    ],
    ids=["plus", "gmail", "national"],
)
def test_a_mailbox_that_nobody_has_confirmed_is_one_in_any_spelling(stage: None, spellings: list[str]) -> None:
    """Promise I3: and a stranger who writes it in another way is no other stranger."""
    Stage.own().site_settings.put("unconfirmed_letters", {"letters": 3, "minutes": 60}, by="test")
    caps = cap()
    counted = [caps.take_unconfirmed("email", f"n-{n}", of(None, address)) for n, address in enumerate(spellings)]
    assert [rule is None for rule in counted] == [True, True, True, False]
    assert caps.take_unconfirmed("email", "n-9", of(None, "v.ictim@example.com")) is None


def test_neither_a_lane_nor_an_erasure_begins_a_new_count(pump: Pump, letters: Letters) -> None:
    """Promise I3: whoever erases a user and registers the address again has sent what they have sent."""
    Stage.own().site_settings.put("unconfirmed_letters", {"letters": 3, "minutes": 60}, by="test")
    for n in range(5):
        Stage.own().directory.put(f"u-{n}", UserBody(email="victim+1@example.com"))
        ids = [accept(recipients=[{"user_id": f"u-{n}"}], template="welcome", context={}, lane="bulk")]
        pump.run()
        Stage.own().personal_data.erase(f"u-{n}")
    assert len(letters()) == 3
    told = str(Stage.own().address_data.export("email", "victim+1@example.com"))
    assert all(one not in told for one in ids)
