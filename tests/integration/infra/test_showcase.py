"""What `make run` shows of channels, routes, caps, digests and expiry is really to be seen there."""

from collections import Counter
from datetime import UTC, datetime

import boto3
import pytest

from chalicelib.pipeline.requests import NotificationRequest
from chalicelib.profiles.model import UserBody
from chalicelib.profiles.preferences import Preferences
from chalicelib.wiring import intake as wiring_intake
from chalicelib.wiring import ledger as wiring_ledger
from chalicelib.wiring import people as wiring_people
from infra.local.seed import PEOPLE, demo_campaigns
from infra.local.showcase import FYODOR, SITE, notifications
from tests.integration.conftest import Pump

Seen = list[tuple[str, str, dict[str, tuple[str, str | None]]]]


@pytest.fixture
def shown(pump: Pump) -> Seen:
    """Template, user, and the end of each channel, of every notification of the showcase; Elena has a device."""
    directory = wiring_people.directory()
    for person in PEOPLE:
        directory.put(str(person["id"]), UserBody.model_validate({k: v for k, v in person.items() if k != "id"}))
    directory.put("fyodor", UserBody.model_validate(FYODOR))
    wish = {"digests": {"series": {"every": "day", "at": "09:00"}}}
    wiring_people.preferences().put("fyodor", Preferences.model_validate(wish))
    app = boto3.client("sns").create_platform_application(Name="vestnik-test-app", Platform="GCM", Attributes={})
    device = boto3.client("sns").create_platform_endpoint(
        PlatformApplicationArn=app["PlatformApplicationArn"], Token="t" * 20
    )
    wiring_people.endpoints().add("elena", "push", target=device["EndpointArn"], shown="", name=None)
    for name, value in SITE.items():
        wiring_intake.site_desk().put(name, value, by="test")

    sent = [(one, _accept(one)) for one in notifications(datetime.now(UTC))]
    for _ in range(3):
        pump.run()
        pump.run("retry")
    return [(one["template"], one["recipients"][0]["user_id"], _ends(notification)) for one, notification in sent]


def _accept(notification: dict[str, object]) -> str:
    request = NotificationRequest.model_validate(notification)
    return wiring_intake.accept().accept(request, caller="local", key=None)[0].id


def _ends(notification_id: str) -> dict[str, tuple[str, str | None]]:
    found = wiring_ledger.history().notification(notification_id)["deliveries"]
    return {one["channel"]: (one["status"], one["reason"]) for one in found}


def test_every_rule_has_its_example(shown: Seen) -> None:
    sent = ("sent", None)
    channels, greeting, escalating, expiring, waiting, *statistics, english = [ends for _, _, ends in shown]
    assert {channels[one] for one in ("live", "push", "sms")} == {sent}
    assert greeting == {"push": sent, "email": ("skipped", "reached_by_push")}
    assert escalating == {"email": sent, "live": ("scheduled", "unless_opened")}
    assert expiring == {"email": sent, "live": ("skipped", "expired")}
    assert waiting == {"email": ("scheduled", "digest")}
    assert Counter(ends["email"] for ends in statistics) == {sent: 2, ("skipped", "capped"): 1}
    assert english == {"email": sent}


def test_a_campaign_shows_the_best_hour_an_expiry_and_a_language() -> None:
    [campaign] = [one for one in demo_campaigns("http://cinema.example") if one.get("best_hour")]
    assert (campaign["expires_after_hours"], campaign["locale"]) == (24, "ru")
    assert any("best_hour" in person.get("attributes", {}) for person in PEOPLE)
