"""Programs that open, click and answer, on the whole machine: the mailbox plays them; they do not count as people."""

import uuid
from typing import Any

import pytest

from tests.e2e.conftest import Vestnik, eventually
from tests.e2e.test_welcome import PROMO, is_confirmed, link, notification_of, visit

pytestmark = pytest.mark.e2e


def deliveries_of(vestnik: Vestnik, notification: str) -> list[dict[str, Any]]:
    """The deliveries of one letter so far."""
    found: list[dict[str, Any]] = vestnik.call("GET", f"/v1/notifications/{notification}").json()["deliveries"]
    return found


def events_of(vestnik: Vestnik, notification: str) -> list[str]:
    """The events of a letter besides its states."""
    return [
        str(one["event"])
        for delivery in deliveries_of(vestnik, notification)
        for one in delivery["timeline"]
        if one.get("event")
    ]


def send(vestnik: Vestnik, address: str) -> str:
    body = {"template": "promo", "recipients": [{"email": address}], "context": PROMO}
    return notification_of(vestnik.call("POST", "/v1/notifications", body))


def test_a_gateways_scanner_confirms_nothing_and_the_person_after_it_does(vestnik: Vestnik) -> None:
    """Promises D4, D5: it asks for every link and opens the letter before it is delivered."""
    name = f"u-{uuid.uuid4().hex[:12]}"
    user = {"id": name, "email": f"scanner+{name}@machines.example", "name": "Mira", "locale": "en"}
    event = {"type": "user.registered", "id": f"registered-{name}", "user": user}
    notification = notification_of(vestnik.call("POST", "/v1/events", event))
    [letter] = eventually(lambda: vestnik.letters(f"scanner+{name}@"))
    code = (short := link(vestnik, letter, "s")).rpartition("/")[2]
    assert eventually(lambda: vestnik.call("GET", f"/v1/links/{code}").json()["bot_visits"]) == 1
    eventually(lambda: deliveries_of(vestnik, notification)[0]["status"] == "delivered")
    assert "machine_opened" not in events_of(vestnik, notification)  # SES reports no openings of account letters
    assert not is_confirmed(vestnik, user)

    assert visit("GET", short).status_code == 302

    assert is_confirmed(vestnik, user)


@pytest.mark.parametrize("proxy", ["apple-privacy", "gmail-proxy"])
def test_a_proxys_opening_is_a_machines(vestnik: Vestnik, proxy: str) -> None:
    """Promise D4: one that loads images without a person."""
    notification = send(vestnik, f"{proxy}+{uuid.uuid4().hex[:12]}@machines.example")

    assert eventually(lambda: events_of(vestnik, notification)) == ["machine_opened"]


def test_an_out_of_office_reply_leaves_a_letter_delivered(vestnik: Vestnik) -> None:
    """Promise D1: as SES's simulator sends it."""
    away = f"ooto+{uuid.uuid4().hex[:12]}@simulator.amazonses.com"
    notification = send(vestnik, away)
    eventually(lambda: [one for one in deliveries_of(vestnik, notification) if one["status"] == "delivered"])
    later = send(vestnik, f"success+{uuid.uuid4().hex[:12]}@simulator.amazonses.com")
    eventually(lambda: [one for one in deliveries_of(vestnik, later) if one["status"] == "delivered"])

    [delivery] = deliveries_of(vestnik, notification)
    assert (delivery["status"], delivery["reason"]) == ("delivered", None)
    assert vestnik.call("GET", f"/v1/suppressions/email/{away}").status_code == 404
