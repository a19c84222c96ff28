"""Fills a new local cloud: the API key of its first service, its first manager, a few people, the ready-made campaigns,
and notifications to look at (`showcase.py`). Run by `run.py` and the end-to-end tests in the environment of that cloud
(`LocalCloud.environment()`), because the key's table belongs to the app.

    python -m infra.local.seed [--people] [--cinema URL] -- KEY_ID SECRET MANAGER_PASSWORD     # prints the key
"""

import argparse
from contextlib import suppress
from typing import Any

import boto3
import requests

from chalicelib.control.keys import Scope, create_key
from chalicelib.control.managers import Role
from chalicelib.errors import ConflictError
from chalicelib.settings import settings
from chalicelib.wiring.admin import managers
from infra.local.showcase import seed_showcase, seed_site

FIRST_MANAGER = "admin"
PEOPLE = (
    {
        "id": "anna",
        "email": "anna@viewers.example",
        "name": "Анна",
        "locale": "ru",
        "timezone": "Europe/Moscow",
        "attributes": {"birthday": "1991-03-08"},
    },
    {
        "id": "boris",
        "email": "boris@viewers.example",
        "name": "Борис",
        "locale": "ru",
        "timezone": "Asia/Omsk",
        "attributes": {"birthday": "1984-12-24"},
    },
    {"id": "carol", "email": "carol@viewers.example", "name": "Carol", "locale": "en", "timezone": "Europe/London"},
    {
        "id": "elena",
        "email": "elena@viewers.example",
        "phone": "+79261234567",
        "name": "Елена",
        "locale": "ru",
        "timezone": "Europe/Moscow",
        "attributes": {"best_hour": 21},
    },
    {"id": "dave", "email": "dave@viewers.example", "name": "Dave", "locale": "en", "timezone": "America/New_York"},
)


def seed_people(api_url: str, key: str) -> None:
    """Adds the demo people who are not there; whoever was changed or added since stays as they are."""
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {key}"
        for person in PEOPLE:
            address = f"{api_url}/v1/users/{person['id']}"
            if session.get(address, timeout=30).status_code == requests.codes.not_found:
                body = {name: value for name, value in person.items() if name != "id"}
                session.put(address, json=body, timeout=30).raise_for_status()


def seed_channels(api_url: str, key: str, mailbox_url: str) -> None:
    """Elena is reached by every channel. Registering the same again is harmless."""
    name = settings().push_android.rpartition("/")[2]
    boto3.client("sns").create_platform_application(Name=name, Platform="GCM", Attributes={})
    host = mailbox_url.removeprefix("http://")
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {key}"
        for endpoint in (
            {"channel": "push", "platform": "android", "token": "elenas-telephone", "name": "Elena's telephone"},
            {"channel": "webhook", "url": f"{mailbox_url}/hooks/elena", "name": "Elena's server"},
            {"channel": "chat", "url": f"json://{host}/chats/elena", "name": "Elena's chat"},
        ):
            session.post(f"{api_url}/v1/users/elena/endpoints", json=endpoint, timeout=30).raise_for_status()
        seed_site(session, api_url)
        seed_showcase(session, api_url)


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


def seed_campaigns(api_url: str, key: str, cinema_url: str) -> None:
    """Starts the demo campaigns that are not there; those that were changed, paused or cancelled since stay so."""
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {key}"
        answer = session.get(f"{api_url}/v1/campaigns", params={"limit": "100"}, timeout=30)
        answer.raise_for_status()
        known = {campaign["name"] for campaign in answer.json()["campaigns"]}
        for campaign in demo_campaigns(cinema_url):
            if campaign["name"] not in known:
                made = session.post(f"{api_url}/v1/campaigns", json=campaign, timeout=30)
                made.raise_for_status()
                path = f"{api_url}/v1/campaigns/{made.json()['id']}/start"
                session.post(path, timeout=30).raise_for_status()


def main() -> None:
    parser = argparse.ArgumentParser(description="Put the first API key and demo people into the local cloud.")
    parser.add_argument("key_id")
    parser.add_argument("secret")
    parser.add_argument("manager_password")
    parser.add_argument("--people", action="store_true")
    parser.add_argument("--cinema", metavar="URL", help="where the demo campaigns get their content")
    chosen = parser.parse_args()
    key = create_key("local", list(Scope), key_id=chosen.key_id, secret=chosen.secret)
    with suppress(ConflictError):  # from an earlier run; the password may have been changed since
        managers().add(FIRST_MANAGER, roles=list(Role), by="make run", password=chosen.manager_password)
    if chosen.people:
        seed_people(settings().public_url, key)
    if chosen.people and chosen.cinema:
        seed_channels(settings().public_url, key, chosen.cinema)
    if chosen.cinema:
        seed_campaigns(settings().public_url, key, chosen.cinema)
    print(key)


if __name__ == "__main__":
    main()
