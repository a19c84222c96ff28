"""Fills a new local cloud: the API key of its first service, and a few people. Run by `run.py` and the end-to-end tests
in the environment of that cloud (`LocalCloud.environment()`), because the key's table belongs to the app.

    python -m infra.local.seed KEY_ID SECRET [--people]     # prints the key
"""

import argparse

import requests

from chalicelib.control.keys import Scope, create_key
from chalicelib.settings import settings

PEOPLE = (
    {"id": "anna", "email": "anna@viewers.example", "name": "Анна", "locale": "ru", "timezone": "Europe/Moscow"},
    {"id": "boris", "email": "boris@viewers.example", "name": "Борис", "locale": "ru", "timezone": "Asia/Omsk"},
    {"id": "carol", "email": "carol@viewers.example", "name": "Carol", "locale": "en", "timezone": "Europe/London"},
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


def main() -> None:
    parser = argparse.ArgumentParser(description="Put the first API key and demo people into the local cloud.")
    parser.add_argument("key_id")
    parser.add_argument("secret")
    parser.add_argument("--people", action="store_true")
    chosen = parser.parse_args()
    key = create_key("local", list(Scope), key_id=chosen.key_id, secret=chosen.secret)
    if chosen.people:
        seed_people(settings().public_url, key)
    print(key)


if __name__ == "__main__":
    main()
