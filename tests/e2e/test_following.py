"""One id is enough to follow a letter: through every log, the letter's tags and the provider's answer."""

import json

import pytest

from tests.e2e.conftest import Vestnik, eventually

pytestmark = pytest.mark.e2e

PARTS = ("", "-enrich", "-deliver", "-feedback")  # the functions on a letter's way, the API first


def test_the_notifications_id_leads_through_every_log_and_is_a_tag_of_the_letter(vestnik: Vestnik) -> None:
    body = {
        "template": "password-reset",
        "recipients": [{"email": "followed@viewers.example", "locale": "en"}],
        "context": {"reset_url": "https://cinema.example/reset/2", "valid_minutes": 30},
    }
    answer = vestnik.call("POST", "/v1/notifications", body)
    assert answer.status_code == 202, answer.text
    [notification] = answer.json()["notifications"]

    [letter] = eventually(lambda: vestnik.letters("followed@viewers.example"))
    assert letter["tags"]["delivery"].startswith(notification["id"])
    for part in PARTS:
        eventually(lambda part=part: lines_of(vestnik, part, notification["id"]))  # type: ignore[misc]


def lines_of(vestnik: Vestnik, part: str, notification_id: str) -> list[dict[str, object]]:
    """The log lines of one function that have the id as a key, not somewhere in a text."""
    logs = vestnik.cloud.account.session.client("logs", endpoint_url=vestnik.cloud.emulator_url)
    group = f"/aws/lambda/vestnik-local{part}"
    found = []
    for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group):
        for event in page["events"]:
            start = event["message"].find("{")
            line = json.loads(event["message"][start:]) if start >= 0 else {}
            if notification_id in line.get("notification_ids", []):
                found.append(line)
    return found
