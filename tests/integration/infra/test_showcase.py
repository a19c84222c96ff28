"""What `make run` shows of channels, routes, caps, digests and expiry is really to be seen there."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from werkzeug.serving import make_server

from chalicelib.stage.app import Stage
from clients.python.vestnik_client import UnavailableError, Vestnik
from infra.local.demo import demo_campaigns, demo_tasks
from infra.local.seed import PEOPLE, SITE, seed_demo
from infra.local.showcase import notifications
from tests.integration.api.gateway import gateway
from tests.integration.api.wsgi import api
from tests.integration.channels.receiver import Receiver, receiving
from tests.integration.conftest import Pump
from tests.processes import compose
from tests.serving import serving

Ends = dict[str, tuple[str, str | None]]
SENT = ("sent", None)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """What stands for the page of the mailbox that takes webhooks and chats."""
    with receiving() as found:
        yield found


@dataclass(frozen=True)
class Cloud:
    """The API over HTTP with its demo data, and what moves the letters."""

    pump: Pump
    vestnik: Vestnik
    receiver: Receiver

    def fill(self, vestnik: Vestnik | None = None) -> None:
        """As `make run` does it, once; `vestnik`: a client whose calls may fail."""
        seed_demo()
        tasks = demo_tasks(
            vestnik or self.vestnik,
            boto3.client("sns"),
            environment={**os.environ},
            mailbox_url=self.receiver.url,
        )
        for task in tasks:
            task.do()

    def send(self) -> None:
        """Whatever is due."""
        for _ in range(3):
            self.pump.run()
            self.pump.run("retry")


@pytest.fixture
def cloud(pump: Pump, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """With nothing in it yet."""
    monkeypatch.setenv("VESTNIK_PRIVATE_ADDRESSES", "true")
    monkeypatch.setenv("VESTNIK_CHAT_KINDS", "json")
    application = "arn:aws:sns:eu-central-1:123456789012:app/GCM/vestnik-test-android"
    monkeypatch.setenv("VESTNIK_PUSH_ANDROID", application)
    compose()
    with serving(make_server("127.0.0.1", 0, api)) as url:
        yield Cloud(pump, Vestnik(url, gateway().key or ""), receiver)


class Interrupted(Vestnik):
    """A run that ends at its n-th call: what the call asked for is done, the answer never comes."""

    def __init__(self, vestnik: Vestnik, calls: int) -> None:
        self._vestnik = vestnik
        self._left = calls

    def call(self, *arguments: Any, **named: Any) -> Any:
        answer = self._vestnik.call(*arguments, **named)
        self._left -= 1
        if self._left < 0:
            raise UnavailableError("no reply", status=None)
        return answer


def ends_of(user_id: str) -> list[tuple[str, Ends]]:
    """The template and the end of each channel of all that a user was sent, oldest first."""
    found, _ = Stage.own().history.of_user(user_id)
    told = [Stage.own().history.notification(one["id"]) for one in reversed(found)]
    return [(one["template"], {d["channel"]: (d["status"], d["reason"]) for d in one["deliveries"]}) for one in told]


def test_every_rule_has_its_example_and_a_second_start_adds_none(cloud: Cloud) -> None:
    cloud.fill()
    cloud.fill()
    cloud.send()
    expect_the_examples()


@pytest.mark.parametrize("calls", [2, 9, 17, 24])
def test_what_an_interrupted_start_has_not_made_the_next_one_makes(cloud: Cloud, calls: int) -> None:
    """Promise G4: demo data is made up for at the next start: nothing of it comes twice, every campaign is started."""
    with suppress(UnavailableError):
        cloud.fill(Interrupted(cloud.vestnik, calls))
    cloud.fill()
    cloud.send()
    expect_the_examples()
    campaigns = cloud.vestnik.call("GET", "/v1/campaigns")["campaigns"]
    assert Counter(one["name"] for one in campaigns) == Counter(one["name"] for one in demo_campaigns("http://any"))
    assert {one["state"] for one in campaigns} == {"scheduled"}


def test_no_two_letters_of_the_showcase_are_alike() -> None:
    """Promise G6: the mailbox that a newcomer opens first shows no doubles."""
    told = [
        (one["template"], json.dumps(one["recipients"]), json.dumps(one["context"]))
        for one in notifications(datetime.now(UTC), "https://cinema.example/posters")
    ]
    assert len(set(told)) == len(told)


def expect_the_examples() -> None:
    elena = ends_of("elena")
    assert ("promo", dict.fromkeys(("live", "push", "sms", "chat", "webhook"), SENT)) in elena
    assert ("birthday", {"push": SENT, "email": ("skipped", "reached_by_push")}) in elena
    assert ("collected", {"email": SENT, "live": ("scheduled", "unless_opened")}) in elena
    assert ("collected", {"email": SENT, "live": ("skipped", "expired")}) in elena
    assert len(elena) == 4

    fyodor = ends_of("fyodor")
    assert ("new-episode", {"email": ("scheduled", "digest")}) in fyodor
    statistics = Counter(ends["email"] for template, ends in fyodor if template == "statistics")
    assert statistics == {SENT: 2, ("skipped", "capped"): 1}
    assert ends_of("dave") == [("statistics", {"email": SENT})]


def test_what_workers_know_for_a_while_is_set_before_the_first_letter(cloud: Cloud) -> None:
    """Promise G6: a letter by hand right after the start takes no example away: workers have its settings by then."""
    seed_demo()
    cloud.vestnik.call("PUT", "/v1/settings/caps", {"value": {}})
    seed_demo()
    known = {one["name"]: one["value"] for one in cloud.vestnik.call("GET", "/v1/settings")["settings"]}
    assert known["routes"].keys() == SITE["routes"].keys()
    assert known["caps"] == {}, "what somebody has set since is left alone"


def test_a_campaign_shows_the_best_hour_an_expiry_and_a_language() -> None:
    [campaign] = [one for one in demo_campaigns("http://cinema.example") if one.get("best_hour")]
    assert (campaign["expires_after_hours"], campaign["locale"]) == (24, "ru")
    assert any("best_hour" in person.get("attributes", {}) for person in PEOPLE)
