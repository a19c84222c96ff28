"""Why somebody did not get a letter: the answer for each way of asking, and each way of not getting one."""

from typing import Any

import pytest

from chalicelib.accounts.api_keys import Scope, create_key
from chalicelib.channels.port import Outcome, Verdict
from chalicelib.deliveries import DeliveryKey
from chalicelib.profiles.model import UserBody
from chalicelib.reasons import SuppressionReason
from chalicelib.services.why import meant_by
from chalicelib.stage.app import Stage
from chalicelib.states import Engagement
from tests.integration.api.gateway import Gateway, gateway
from tests.integration.campaigns.conftest import Desk, PostOffice, StandingClock, Viewers
from tests.integration.control.requests_made import Requests
from tests.ledgers import engage

GUESTS = b"email,name\nguest@example.com,Guest\nbounced@example.com,Bob\n"
ENGLISH = {"accept-language": "en"}


@pytest.fixture
def api(clock: StandingClock) -> Gateway:
    """The API, called by a manager who may do everything."""
    return gateway()


def why(api: Gateway, q: str, **more: str) -> dict[str, Any]:
    answer = api.get("/v1/why", q=q, **more)
    assert answer.status == 200, answer.text
    return dict(answer.body)


@pytest.fixture
def campaign(desk: Desk, viewers: Viewers, office: PostOffice) -> str:
    """It went to three users: one got it, one has no address, one was refused."""
    viewers(3, lambda n: {"email": None} if n == 1 else {})
    office.verdicts["u-00002@example.com"] = Outcome(Verdict.REFUSED, reason="bad_address")
    made = desk.start(name="Half price")
    desk.finish()
    return made


def test_a_user_is_told_of_by_id_address_name_and_letter(api: Gateway, campaign: str) -> None:
    letter = why(api, "u-00001")["letters"][0]
    assert (letter["state"], letter["reason"], letter["what_to_do"]) == ("skipped", "no_address", "fix_address")
    assert why(api, "u-00001", campaign=campaign)["letters"][0]["text"] == (
        "“Half price” of 2\u00a0March 2026 to Viewer 1 was not sent. No address of theirs is known for this channel. "
        "Ask them for the right address, and correct it in the profile."
    )
    for q in ("Viewer 1", "viewer 1", letter["notification_id"]):
        (same,) = why(api, q)["letters"]
        assert {**same, "text": letter["text"]} == letter
    by_address = why(api, " U-00002@EXAMPLE.com ")
    assert by_address["people"] == ["u-00002"]
    assert by_address["letters"][0]["reason"] == "bad_address"


def test_who_got_it_is_told_to_look_and_who_opened_it_is_not(api: Gateway, campaign: str) -> None:
    (letter,) = why(api, "u-00000")["letters"]
    assert (letter["state"], letter["what_to_do"]) == ("sent", "look_in_spam")
    engage(Stage.own().ledger, DeliveryKey(letter["notification_id"], "email"), Engagement.OPENED)

    (letter,) = why(api, "u-00000")["letters"]
    assert (letter["state"], letter["what_to_do"]) == ("opened", "nothing")


def test_somebody_of_a_list_is_told_of_by_their_address(api: Gateway, desk: Desk) -> None:
    Stage.own().suppressions.add("email", "bounced@example.com", reason=SuppressionReason.BOUNCE)
    campaign = desk.start(audience={"list_id": desk.load_list(GUESTS)})
    desk.finish()

    for more in ({}, {"campaign": campaign}):
        found = why(api, "bounced@example.com", **more)
        (letter,) = found["letters"]
        assert (letter["state"], letter["reason"]) == ("skipped", "suppressed_bounce")
        assert letter["what_to_do"] == "lift_suppression"
    assert why(api, "bounced@example.com")["against"] == [
        {"channel": "email", "category": None, "reason": "suppressed_bounce"}
    ]
    assert why(api, "stranger@example.com", campaign=campaign)["said"] == [
        {
            "what_to_do": "check_campaign",
            "text": "They were not in the audience of that campaign. Look at the campaign.",
        }
    ]


def test_what_is_known_to_nobody_may_be_misspelled(api: Gateway) -> None:
    found = why(api, "anna@gmial.com")

    assert found["said"][0]["text"] == "Nothing is known of anna@gmial.com. Check the spelling."
    assert found["meant"] == "anna@gmail.com"
    assert (found["letters"], found["people"], found["against"]) == ([], [], [])


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("a@mail.ry", "a@mail.ru"),
        ("a@yandx.ru", "a@yandex.ru"),
        ("a@gmail.com", None),
        ("a@cinema.example", None),
        ("gmial.com", None),
        ("@gmial.com", None),
        ("anna", None),
    ],
)
def test_a_great_mailbox_is_meant_where_it_is_nearly_written(words: str, meant: str | None) -> None:
    assert meant_by(words) == meant


def test_of_several_one_is_chosen_first(api: Gateway, clock: StandingClock) -> None:
    for one in ("anna", "boris"):
        Stage.own().directory.put(one, UserBody(email="both@example.com", name="The Same"))

    assert why(api, "both@example.com") == {**why(api, "The Same"), "people": ["anna", "boris"]}
    assert why(api, "both@example.com")["letters"] == []


def test_a_campaign_that_has_not_reached_them_says_where_it_stands(api: Gateway, desk: Desk, viewers: Viewers) -> None:
    viewers(2)
    draft = Stage.own().campaign_commands.draft(desk.spec(), by="anna").id
    assert why(api, "u-00000", campaign=draft)["said"][0]["text"].startswith("The campaign has not been started.")
    Stage.own().campaign_commands.start(draft, by="anna")
    desk.tick()
    assert why(api, "u-00000", campaign=draft)["said"][0]["text"].startswith("The campaign is being sent")
    Stage.own().campaign_commands.pause(draft, by="anna")
    assert why(api, "u-00000", campaign=draft)["said"][0]["text"].startswith("The campaign stands still")
    Stage.own().campaign_commands.cancel(draft, by="anna")
    assert why(api, "u-00000", campaign=draft)["said"][0]["text"].startswith("The campaign was cancelled")


def test_it_is_said_in_the_callers_language(api: Gateway, campaign: str) -> None:
    answer = api.call("GET", "/v1/why", query={"q": "u-00001"}, headers={"accept-language": "ru-RU, en;q=0.5"})

    assert answer.body["letters"][0]["text"].endswith("Узнайте верный адрес и исправьте его в профиле.")


def test_a_service_learns_of_its_own_letters_alone(api: Gateway, campaign: str) -> None:
    shop = Gateway(create_key("shop", [Scope.READ]))
    assert why(shop, "u-00000")["letters"] == []
    assert shop.get("/v1/why", q="u-00000", campaign=campaign).status == 404
    assert Gateway(create_key("shop", [Scope.CAMPAIGNS_READ_ALL])).get("/v1/why", q="x").status == 403


@pytest.mark.parametrize("query", [{}, {"q": ""}, {"q": " "}, {"q": "x" * 257}])
def test_what_is_wrong_is_named(api: Gateway, query: dict[str, str]) -> None:
    answer = api.get("/v1/why", **query)

    assert (answer.status, answer.bad_fields) == (422, ["q"])


def test_an_answer_takes_eight_requests_at_most(api: Gateway, campaign: str) -> None:
    for q in ("u-00000", "u-00000@example.com", "Viewer 0", "nobody@example.com", "+79261234567"):
        why(api, q)
        requests = Requests()
        Stage.own().why.of(q)
        assert requests.count() <= 8, (q, requests.count())
    requests = Requests()
    Stage.own().why.of("u-00000@example.com", campaign_id=campaign)
    assert requests.count() <= 12
