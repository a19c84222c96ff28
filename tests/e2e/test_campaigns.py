"""A campaign on the whole service: API, generator, fan-out, workers, letters, and its progress."""

from collections import Counter
from typing import Any

import pytest
import requests

from tests.e2e.conftest import Vestnik, eventually

pytestmark = pytest.mark.e2e
VIEWERS = 300
PROMO = {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"}


def campaign(vestnik: Vestnik, campaign_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = vestnik.call("GET", f"/v1/campaigns/{campaign_id}").json()
    return answer


def started(vestnik: Vestnik, **fields: Any) -> str:
    body = {"name": "Promo", "template": "promo", "context": PROMO, "rate_per_second": 400,
            "publish_per_second": 400, **fields}  # fmt: skip
    made = vestnik.call("POST", "/v1/campaigns", body)
    assert made.status_code == 201, made.text
    answer = vestnik.call("POST", f"/v1/campaigns/{made.json()['id']}/start")
    assert answer.status_code == 200, answer.text
    return str(made.json()["id"])


def finished(vestnik: Vestnik, campaign_id: str, *, by_the_clock: bool = False) -> dict[str, Any]:
    """The campaign once the generator has closed its run. It looks every minute, and here when it is told to."""

    def look() -> dict[str, Any] | None:
        if not by_the_clock:
            vestnik.tick()
        seen = campaign(vestnik, campaign_id)
        return seen if seen["state"] == "completed" else None

    found = eventually(look)
    assert found is not None
    return found


def test_three_hundred_viewers_get_one_letter_each_and_the_progress_is_exact(vestnik: Vestnik) -> None:
    users = [
        {"id": f"crowd-{n}", "email": f"crowd-{n}@crowd.example", "attributes": {"crowd": True}} for n in range(VIEWERS)
    ]
    for start in range(0, VIEWERS, 100):
        assert vestnik.call("POST", "/v1/users/batch", {"users": users[start : start + 100]}).status_code == 200
    away = {"everything": False, "categories": {}}
    assert vestnik.call("PUT", "/v1/users/crowd-7/preferences", away).status_code == 200
    crowd = {"rule": {"attribute": "crowd", "op": "equals", "value": True}}

    seen = finished(vestnik, started(vestnik, audience=crowd), by_the_clock=True)

    progress = seen["progress"]
    assert progress["targeted"] == VIEWERS
    assert sum(progress["skipped"].values()) == 1
    assert progress["sent"] == VIEWERS - 1
    assert progress["queued"] == progress["failed"] == progress["uncertain"] == progress["cancelled"] == 0
    received = Counter(letter["to"][0] for letter in vestnik.letters("@crowd.example"))
    assert received == Counter({f"crowd-{n}@crowd.example": 1 for n in range(VIEWERS) if n != 7})
    eventually(lambda: campaign(vestnik, seen["id"])["progress"]["delivered"] == VIEWERS - 1)


def test_a_list_is_uploaded_by_a_signed_address_and_reached(vestnik: Vestnik) -> None:
    made = vestnik.call("POST", "/v1/lists", {"name": "Guests"}).json()
    file = "email,name,seat\nfirst@guests.example,First,A1\nnot an address,X,A2\nsecond@guests.example,Second,A3\n"
    upload = made["upload"]
    requests.request(
        upload["method"], upload["url"], data=file.encode(), headers=upload["headers"], timeout=30
    ).raise_for_status()
    assert vestnik.call("POST", f"/v1/lists/{made['id']}/load").status_code == 202

    def loaded() -> dict[str, Any] | None:
        seen: dict[str, Any] = vestnik.call("GET", f"/v1/lists/{made['id']}").json()
        return seen if seen["state"] in ("ready", "failed") else None

    seen = eventually(loaded)
    assert seen is not None
    assert (seen["state"], seen["rows"], seen["bad"]) == ("ready", 2, 1)
    assert seen["bad_lines"] == [{"line": 3, "message": "not an e-mail address such as anna@example.com"}]

    done = finished(vestnik, started(vestnik, audience={"list_id": made["id"]}))

    assert done["progress"]["sent"] == 2
    received = sorted(letter["to"][0] for letter in vestnik.letters("@guests.example"))
    assert received == ["first@guests.example", "second@guests.example"]
