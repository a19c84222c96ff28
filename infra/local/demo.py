"""What there is to look at from the first minute: Elena's channels, notifications whose timelines show the rules
(`showcase.py`), the ready-made campaigns. Made through the API while the cloud runs already; each part may be
repeated, whatever an earlier try has done of it."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.settings import read_settings
from clients.python.vestnik_client import Vestnik
from infra.local.background import Task
from infra.local.showcase import seed_showcase

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

_LISTED = 100


def demo_tasks(vestnik: Vestnik, sns: "SNSClient", *, environment: Mapping[str, str], mailbox_url: str) -> list[Task]:
    """In the order in which they build on each other. Each raises: VestnikError."""
    application = read_settings(environment).push_android.rpartition("/")[2]

    def channels() -> None:
        sns.create_platform_application(Name=application, Platform="GCM", Attributes={})
        seed_channels(vestnik, mailbox_url)

    parts: Mapping[str, Callable[[], None]] = {
        "demo channels": channels,
        "demo notifications": lambda: seed_showcase(vestnik, f"{mailbox_url}/cinema/posters"),
        "demo campaigns": lambda: seed_campaigns(vestnik, mailbox_url),
    }
    return [Task(name, do) for name, do in parts.items()]


def seed_channels(vestnik: Vestnik, mailbox_url: str) -> None:
    """Elena is reached by every channel. Registering the same again is harmless."""
    host = mailbox_url.removeprefix("http://")
    for endpoint in (
        {"channel": "push", "platform": "android", "token": "elenas-telephone", "name": "Elena's telephone"},
        {"channel": "webhook", "url": f"{mailbox_url}/hooks/elena", "name": "Elena's server"},
        {"channel": "chat", "url": f"json://{host}/chats/elena", "name": "Elena's chat"},
    ):
        vestnik.call("POST", "/v1/users/elena/endpoints", endpoint)


def demo_campaigns(cinema_url: str) -> list[dict[str, Any]]:
    """What runs by itself from the first minute; the content comes from the stand-in for the cinema's services."""
    films = {"url": f"{cinema_url}/cinema/new-films", "name": "films", "ttl_seconds": 300}
    watched = {"url": f"{cinema_url}/cinema/statistics", "name": "statistics", "kind": "personal", "on_failure": "skip"}
    return [
        {
            "name": "Weekly digest",
            "template": "weekly-digest",
            "audience": {"everyone": True},
            "content": films,
            "schedule": {"every": "week", "on": "friday", "at": "18:00"},
            "timezone": "recipient",
        },
        {
            "name": "Monthly statistics",
            "template": "statistics",
            "audience": {"everyone": True},
            "content": watched,
            "schedule": {"every": "month", "on": 1, "at": "12:00"},
        },
        {
            "name": "Birthday greetings",
            "template": "birthday",
            "audience": {"rule": {"attribute": "birthday", "op": "anniversary"}},
            "context": {"gift": "месяц кино за наш счёт", "url": "https://cinema.example/gift"},
            "schedule": {"every": "day", "at": "10:00"},
            "timezone": "recipient",
        },
        {
            "name": "Weekend premiere",
            "template": "promo",
            "audience": {"rule": {"attribute": "best_hour", "op": "exists"}},
            "context": {
                "headline": "Премьера выходных",
                "text": "«Тишина над рекой»: посмотрите первыми.",
                "url": "https://cinema.example/films/silence-over-the-river",
            },
            "schedule": {"every": "week", "on": "saturday", "at": "09:00"},
            "best_hour": True,
            "expires_after_hours": 24,
            "locale": "ru",
        },
    ]


def seed_campaigns(vestnik: Vestnik, cinema_url: str) -> None:
    """Starts the demo campaigns that are not there, and those that an interrupted run has made and not started; those
    that were changed, paused or cancelled since stay so."""
    known = {one["name"]: one for one in vestnik.call("GET", f"/v1/campaigns?limit={_LISTED}")["campaigns"]}
    for campaign in demo_campaigns(cinema_url):
        key = {"Idempotency-Key": f"demo-{campaign['template']}"}
        found = known.get(campaign["name"]) or vestnik.call("POST", "/v1/campaigns", campaign, headers=key)
        if found["state"] == "draft":
            vestnik.call("POST", f"/v1/campaigns/{found['id']}/start")
