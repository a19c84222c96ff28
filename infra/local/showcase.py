"""The kinder timing on the local cloud, to be looked at from the first minute: notifications whose timelines say which
rule decided what. Called by `seed.py`, once in the life of a state.

    Elena   by every channel; a greeting that stops at the first of them that works; a letter that goes on if it is not
            opened, and one that would expire before
    Fyodor  one that waits for his daily digest, and a third of what may come twice a week
    Dave    the same letter in English
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from chalicelib.clock import rfc3339

FYODOR = {
    "email": "fyodor@viewers.example",
    "name": "Фёдор",
    "locale": "ru",
    "timezone": "Asia/Yekaterinburg",
    "attributes": {"best_hour": 20, "birthday": "1979-04-12"},
}
# Of categories that a first letter by hand does not have: it should be in the mailbox at once.
SITE: Mapping[str, Any] = {
    "routes": {
        "congratulations": {"channels": ["push", "email"], "mode": "first"},
        "digest": {"channels": ["email", "live"], "mode": "escalate", "after_minutes": 60},
    },
    "caps": {"statistics": {"letters": 2, "days": 7}},
}
_SECONDS = 30
_ESCALATION = timedelta(minutes=60)
_PROMO = {
    "headline": "Месяц кино за полцены",
    "text": "До конца ноября подписка стоит вдвое меньше.",
    "url": "https://cinema.example/promo/november",
}
_EPISODE = {
    "series": "Дальний свет",
    "season": 2,
    "episode": 5,
    "title": "Возвращение",
    "url": "https://cinema.example/series/far-light",
}
_GREETING = {"gift": "месяц кино за наш счёт", "url": "https://cinema.example/gift"}
_ITEMS = {
    "items": [{"title": "Дальний свет: новая серия", "text": "", "url": "https://cinema.example/series/far-light"}]
}
_STATISTICS = {"statistics": {"films": 7, "hours": 19, "genre": "детектив"}}


def seed_site(session: requests.Session, api_url: str) -> None:
    """Routes and caps, where nobody has set any."""
    for name, value in SITE.items():
        address = f"{api_url}/v1/settings/{name}"
        if session.get(address, timeout=_SECONDS).json()["version"] == 0:
            session.put(address, json={"value": value}, timeout=_SECONDS).raise_for_status()


def seed_showcase(session: requests.Session, api_url: str) -> None:
    """Fyodor and the notifications, where he is not there yet."""
    user = f"{api_url}/v1/users/fyodor"
    if session.get(user, timeout=_SECONDS).status_code != requests.codes.not_found:
        return
    session.put(user, json=FYODOR, timeout=_SECONDS).raise_for_status()
    wish = {"digests": {"series": {"every": "day", "at": "09:00"}}}
    session.put(f"{user}/preferences", json=wish, timeout=_SECONDS).raise_for_status()
    for notification in notifications(datetime.now(UTC)):
        session.post(f"{api_url}/v1/notifications", json=notification, timeout=_SECONDS).raise_for_status()


def notifications(at: datetime) -> Iterator[dict[str, Any]]:
    """What is sent, in order."""
    every_channel = ["live", "push", "sms", "chat", "webhook"]
    yield _one("promo", "elena", _PROMO, channels=every_channel)
    yield _one("birthday", "elena", _GREETING)
    yield _one("collected", "elena", _ITEMS)
    yield _one("collected", "elena", _ITEMS, expires_at=rfc3339(at + _ESCALATION / 2))
    yield _one("new-episode", "fyodor", _EPISODE)
    for _ in range(SITE["caps"]["statistics"]["letters"] + 1):
        yield _one("statistics", "fyodor", _STATISTICS)
    yield _one("statistics", "dave", _STATISTICS)


def _one(template: str, user_id: str, context: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"template": template, "recipients": [{"user_id": user_id}], "context": context, **more}
