"""What `make run` shows of channels, routes, caps, digests and expiry is really to be seen there."""

import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from werkzeug.serving import make_server

from chalicelib.settings import settings
from chalicelib.wiring import desk as wiring_desk
from infra.local.seed import PEOPLE, demo_campaigns, seed_campaigns, seed_channels, seed_people
from tests.integration.api.gateway import gateway
from tests.integration.api.wsgi import api
from tests.integration.channels.receiver import Receiver, receiving
from tests.integration.conftest import Pump

Ends = dict[str, tuple[str, str | None]]
SENT = ("sent", None)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """What stands for the page of the mailbox that takes webhooks and chats."""
    with receiving() as found:
        yield found


@pytest.fixture
def cloud(pump: Pump, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pump]:
    """The API over HTTP, filled as `make run` fills it, twice: as after a second start."""
    monkeypatch.setenv("VESTNIK_PRIVATE_ADDRESSES", "true")
    monkeypatch.setenv("VESTNIK_CHAT_KINDS", "json")
    application = "arn:aws:sns:eu-central-1:123456789012:app/GCM/vestnik-test-android"
    monkeypatch.setenv("VESTNIK_PUSH_ANDROID", application)
    settings.cache_clear()
    server = make_server("127.0.0.1", 0, api)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url, key = f"http://127.0.0.1:{server.port}", gateway().key or ""
    for _ in range(2):
        seed_people(url, key)
        seed_channels(url, key, receiver.url)
        seed_campaigns(url, key, receiver.url)
    yield pump
    server.shutdown()
    thread.join()
    server.server_close()
    settings.cache_clear()


def ends_of(user_id: str) -> list[tuple[str, Ends]]:
    """The template and the end of each channel of all that a user was sent, oldest first."""
    found, _ = wiring_desk.history().of_user(user_id)
    told = [wiring_desk.history().notification(one["id"]) for one in reversed(found)]
    return [(one["template"], {d["channel"]: (d["status"], d["reason"]) for d in one["deliveries"]}) for one in told]


def test_every_rule_has_its_example_and_a_second_start_adds_none(cloud: Pump) -> None:
    for _ in range(3):
        cloud.run()
        cloud.run("retry")
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


def test_a_campaign_shows_the_best_hour_an_expiry_and_a_language() -> None:
    [campaign] = [one for one in demo_campaigns("http://cinema.example") if one.get("best_hour")]
    assert (campaign["expires_after_hours"], campaign["locale"]) == (24, "ru")
    assert any("best_hour" in person.get("attributes", {}) for person in PEOPLE)
