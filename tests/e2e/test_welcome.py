"""The way of a new user: a registration, the letter in the mailbox, its short link, a confirmed address; and then their
preferences."""

import re
import uuid
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.e2e.conftest import Vestnik, eventually

pytestmark = pytest.mark.e2e
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/141.0 Safari/537.36", "Accept-Language": "en"}
PROMO = {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"}


@pytest.fixture
def user() -> dict[str, Any]:
    """A user nobody knows yet."""
    name = f"u-{uuid.uuid4().hex[:12]}"
    return {"id": name, "email": f"{name}@viewers.example", "name": "Mira", "locale": "en"}


@pytest.fixture
def welcome(vestnik: Vestnik, user: dict[str, Any]) -> dict[str, Any]:
    """The welcome letter after a registration that was reported twice."""
    event = {"type": "user.registered", "id": f"registered-{user['id']}", "user": user}
    answers = [vestnik.call("POST", "/v1/events", event) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    [letter] = eventually(lambda: vestnik.letters(user["email"]))
    return letter


def link(vestnik: Vestnik, letter: dict[str, Any], kind: str) -> str:
    found = re.search(re.escape(vestnik.cloud.api_url) + rf"/{kind}/[A-Za-z0-9_.-]+", letter["html"])
    assert found is not None
    return found[0]


def visit(method: str, url: str, **options: Any) -> requests.Response:
    return requests.request(method, url, headers=BROWSER, allow_redirects=False, timeout=30, **options)


def is_confirmed(vestnik: Vestnik, user: dict[str, Any]) -> bool:
    return bool(vestnik.call("GET", f"/v1/users/{user['id']}").json()["email_confirmed"])


def notification_of(answer: requests.Response) -> str:
    assert answer.status_code == 202, answer.text
    return str(answer.json()["notifications"][0]["id"])


def test_a_new_user_confirms_their_address(vestnik: Vestnik, user: dict[str, Any], welcome: dict[str, Any]) -> None:
    assert "Mira" in welcome["subject"]
    short = link(vestnik, welcome, "s")
    assert visit("HEAD", short).status_code == 302
    assert not is_confirmed(vestnik, user)

    answer = visit("GET", short)

    assert (answer.status_code, answer.headers["Location"]) == (302, "https://cinema.example")
    assert is_confirmed(vestnik, user)
    counted = vestnik.call("GET", f"/v1/links/{short.rpartition('/')[2]}").json()
    assert (counted["visits"], counted["user_id"]) == (1, user["id"])


def test_a_link_that_is_over_is_a_404_page(vestnik: Vestnik, user: dict[str, Any], welcome: dict[str, Any]) -> None:
    short = link(vestnik, welcome, "s")
    assert vestnik.call("DELETE", f"/v1/links/{short.rpartition('/')[2]}").status_code == 204

    answer = visit("GET", short)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "There is no such link" in answer.text
    assert not is_confirmed(vestnik, user)


@pytest.mark.parametrize("recipients", [1, 2])
def test_one_click_in_a_mail_program_stops_the_next_letter(
    vestnik: Vestnik, user: dict[str, Any], recipients: int
) -> None:
    # One letter goes by SendEmail, two by SendBulkEmail: the headers must be in both.
    vestnik.call("PUT", f"/v1/users/{user['id']}", {name: user[name] for name in ("email", "name", "locale")})
    others = [{"email": f"other-{n}-{user['email']}"} for n in range(recipients - 1)]
    body = {"template": "promo", "recipients": [{"user_id": user["id"]}, *others], "context": PROMO, "lane": "bulk"}
    notification_of(vestnik.call("POST", "/v1/notifications", body))
    letters = eventually(lambda: [one for one in vestnik.letters(user["email"]) if one["to"] == [user["email"]]])
    headers = {name.lower(): value for name, value in letters[0]["headers"].items()}
    https = headers["list-unsubscribe"].strip(" <>")
    assert headers["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    for method in ("GET", "HEAD") * 10:
        assert visit(method, https).status_code == 200

    clicked = [visit("POST", https, data={"List-Unsubscribe": "One-Click"}) for _ in range(2)]
    clicked.append(visit("POST", https, files={"List-Unsubscribe": (None, "One-Click")}))
    assert [answer.status_code for answer in clicked] == [200, 200, 200]

    next_one = campaign_to(vestnik, user)
    told = eventually(lambda: vestnik.call("GET", f"/v1/campaigns/{next_one}").json()["progress"]["skipped"])
    assert told == {"opted_out": 1}


def campaign_to(vestnik: Vestnik, user: dict[str, Any]) -> str:
    """A running campaign to this user only."""
    audience = {"rule": {"attribute": "id", "op": "equals", "value": user["id"]}}
    body = {"name": "The next one", "template": "promo", "context": PROMO, "audience": audience}
    campaign_id = str(vestnik.call("POST", "/v1/campaigns", body).json()["id"])
    assert vestnik.call("POST", f"/v1/campaigns/{campaign_id}/start").status_code == 200
    return campaign_id


def test_the_preference_page_of_a_letter_is_obeyed(
    vestnik: Vestnik, user: dict[str, Any], welcome: dict[str, Any]
) -> None:
    page = link(vestnik, welcome, "preferences")
    assert "Notification settings" in visit("GET", page).text
    assert "Saved" in visit("POST", page, data={"on.digest.email": "on"}).text

    body = {"template": "promo", "recipients": [{"user_id": user["id"]}], "context": PROMO}
    promo = notification_of(vestnik.call("POST", "/v1/notifications", body))
    told = eventually(lambda: vestnik.call("GET", f"/v1/notifications/{promo}").json()["deliveries"])
    assert (told[0]["status"], told[0]["reason"]) == ("skipped", "opted_out")


def test_a_hard_bounce_puts_the_address_on_the_list(vestnik: Vestnik) -> None:
    address = f"bounce+{uuid.uuid4().hex[:12]}@simulator.amazonses.com"
    body = {"template": "promo", "recipients": [{"email": address}], "context": PROMO}
    notification_of(vestnik.call("POST", "/v1/notifications", body))

    path = f"/v1/suppressions/email/{quote(address)}"
    listed = eventually(lambda: suppression.json() if (suppression := vestnik.call("GET", path)).ok else None)
    assert listed is not None
    assert listed["reason"] == "bounce"
    assert vestnik.call("DELETE", path).status_code == 204
    assert [one["what"] for one in vestnik.call("GET", path).json()["trace"]] == ["added", "removed"]


def test_an_erased_user_is_gone(vestnik: Vestnik, user: dict[str, Any], welcome: dict[str, Any]) -> None:
    visit("GET", link(vestnik, welcome, "s"))
    assert vestnik.call("GET", f"/v1/users/{user['id']}/export").json()["data"]["user"]["name"] == "Mira"
    assert vestnik.call("DELETE", f"/v1/users/{user['id']}").status_code == 204

    assert vestnik.call("GET", f"/v1/users/{user['id']}/export").status_code == 404
    assert visit("GET", link(vestnik, welcome, "preferences")).status_code == 404
    assert visit("GET", link(vestnik, welcome, "s")).status_code == 404
