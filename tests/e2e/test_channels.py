"""Every channel on the whole service, with the rights that each worker really has; what leaves is in the mailbox."""

from typing import Any

import pytest
import requests

from infra.stages import environment_of
from tests.e2e.conftest import Vestnik, eventually
from tests.e2e.digests import make_due, not_yet

pytestmark = pytest.mark.e2e

NEW = {"sms", "push", "webhook", "chat"}


@pytest.fixture(scope="module")
def nina(vestnik: Vestnik) -> str:
    """A user reachable on every channel."""
    name = environment_of("local")["VESTNIK_PUSH_ANDROID"].rpartition("/")[2]
    sns = vestnik.cloud.account.session.client("sns", endpoint_url=vestnik.cloud.emulator_url)
    sns.create_platform_application(Name=name, Platform="GCM", Attributes={})
    user = {"email": "nina@viewers.example", "phone": "+79161234567", "locale": "en"}
    assert vestnik.call("PUT", "/v1/users/nina", user).ok
    host = vestnik.cloud.mailbox_url.removeprefix("http://")
    for endpoint in (
        {"channel": "push", "platform": "android", "token": "ninas-telephone"},
        {"channel": "webhook", "url": f"{vestnik.cloud.mailbox_url}/hooks/nina"},
        {"channel": "chat", "url": f"json://{host}/chats/nina"},
    ):
        answer = vestnik.call("POST", "/v1/users/nina/endpoints", endpoint)
        assert answer.status_code == 201, answer.text
    return "nina"


def send(vestnik: Vestnik, user_id: str, **fields: Any) -> str:
    context = {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"}
    body = {"template": "promo", "recipients": [{"user_id": user_id}], "context": context, **fields}
    answer = vestnik.call("POST", "/v1/notifications", body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["notifications"][0]["id"])


def deliveries(vestnik: Vestnik, notification_id: str) -> dict[str, str]:
    found = vestnik.call("GET", f"/v1/notifications/{notification_id}").json()["deliveries"]
    return {one["channel"]: one["status"] for one in found}


def test_a_notification_leaves_by_every_channel(vestnik: Vestnik, nina: str) -> None:
    sent = send(vestnik, nina, channels=sorted(NEW))
    done = {"sent", "failed", "skipped", "uncertain"}
    eventually(lambda: [s for s in deliveries(vestnik, sent).values() if s in done][3:])
    assert deliveries(vestnik, sent) == dict.fromkeys(NEW, "sent")
    shown = requests.get(f"{vestnik.cloud.mailbox_url}/api/other", timeout=30).json()
    assert {one["channel"] for one in shown} == NEW
    [text] = [one for one in shown if one["channel"] == "sms"]
    assert (text["to"], "Tonight" in text["text"]) == ("+79161234567", True)


def test_a_digest_is_collected_and_sent_by_workers_that_may_no_more_than_that(vestnik: Vestnik, nina: str) -> None:
    assert vestnik.call("PUT", "/v1/users/olga", {"email": "olga@viewers.example", "timezone": "UTC"}).ok
    wish = {"digests": {"marketing": {"every": "day", "at": not_yet()}}}
    assert vestnik.call("PUT", "/v1/users/olga/preferences", wish).ok
    sent = send(vestnik, "olga")
    eventually(lambda: deliveries(vestnik, sent) == {"email": "scheduled"})
    make_due(vestnik.cloud, "olga")
    eventually(lambda: vestnik.tick() and vestnik.letters("olga@viewers.example"))
    eventually(lambda: deliveries(vestnik, sent) == {"email": "skipped"})
