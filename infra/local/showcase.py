"""The kinder timing on the local cloud, to be looked at from the first minute: notifications whose timelines say which
rule decided what.

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
from clients.python.vestnik_client import RefusedError, Vestnik
from infra.local.films import FILMS

FYODOR = {
    "email": "fyodor@viewers.example",
    "name": "Фёдор",
    "locale": "ru",
    "timezone": "Asia/Yekaterinburg",
    "attributes": {"best_hour": 20, "birthday": "1979-04-12"},
}
_ESCALATION = timedelta(minutes=60)
_LAST = ("statistics", "dave")  # template, user
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
    "age": "16+",
    "about": "Фура стоит на обочине, мотор работает, в кабине никого.",
}
_GREETING = {"gift": "месяц кино за наш счёт", "url": "https://cinema.example/gift"}
_NEWS = (
    ({"title": "Дальний свет: новая серия", "text": "", "url": "https://cinema.example/series/far-light"},),
    (
        {"title": "Тишина над рекой", "text": "Премьера", "url": "https://cinema.example/films/silence-over-the-river"},
        {"title": "Письма с маяка", "text": "", "url": "https://cinema.example/films/letters-from-the-lighthouse"},
    ),
)
# A letter more than the cap lets through, and no two alike: the mailbox should show no doubles.
_MONTHS = (
    {"films": 7, "hours": 19, "genre": "детектив"},
    {"films": 5, "hours": 12, "genre": "драма"},
    {"films": 9, "hours": 24, "genre": "комедия"},
)


def seed_showcase(vestnik: Vestnik, posters: str) -> None:
    """Fyodor and the notifications, once in the life of a state; `posters` is where the posters are. An interrupted run
    is made up for: each notification has a key of its own, and the last of them says that all are there."""
    template, user_id = _LAST
    if any(one.template == template for one in vestnik.history(user_id)):
        return
    vestnik.put_user("fyodor", **FYODOR)
    wish = {"digests": {"series": {"every": "day", "at": "09:00"}}}
    vestnik.call("PUT", "/v1/users/fyodor/preferences", wish)
    for number, one in enumerate(notifications(datetime.now(UTC), posters), start=1):
        try:
            vestnik.call("POST", "/v1/notifications", one, headers={"Idempotency-Key": f"showcase-{number}"})
        except RefusedError as error:
            if error.status != requests.codes.conflict:  # told by an earlier run, with an `expires_at` of then
                raise


def notifications(at: datetime, posters: str) -> Iterator[dict[str, Any]]:
    """What is sent, in order; the last one is `_LAST`."""
    every_channel = ["live", "push", "sms", "chat", "webhook"]
    yield _one("promo", "elena", _PROMO, channels=every_channel)
    yield _one("birthday", "elena", _GREETING)
    yield _one("collected", "elena", {"items": _NEWS[0]})
    yield _one("collected", "elena", {"items": _NEWS[1]}, expires_at=rfc3339(at + _ESCALATION / 2))
    yield _one("new-episode", "fyodor", {**_EPISODE, "poster": f"{posters}/far-light.jpg"})
    for month, favourite in zip(_MONTHS, FILMS, strict=False):
        liked = favourite.card("ru", posters=posters)
        yield _one("statistics", "fyodor", {"statistics": {**month, "favourite": liked}})
    yield _one(*_LAST, {"statistics": {"films": 3, "hours": 6, "genre": "drama"}})


def _one(template: str, user_id: str, context: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"template": template, "recipients": [{"user_id": user_id}], "context": context, **more}
