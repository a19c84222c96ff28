"""What a new local cloud cannot do without: the API key of its first service and its first manager; for a demo also the
people to whom the first letters go, and the site's settings. Run by `cloud.py` in the environment of that cloud
(`LocalCloud.environment()`): it writes to the tables by itself, so that no function needs to be awake. May be repeated.

    python -m infra.local.seed [--demo] -- KEY_ID SECRET MANAGER_PASSWORD       # prints the key
"""

import argparse
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from chalicelib.accounts.api_keys import Scope, create_key
from chalicelib.accounts.managers import Role
from chalicelib.errors import ConflictError, NotFoundError, UnavailableError
from chalicelib.profiles.model import User, UserBody
from chalicelib.stage.app import stage

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


# Of categories that a first letter by hand does not have: it should be in the mailbox at once.
SITE: Mapping[str, Any] = {
    "routes": {
        "congratulations": {"channels": ["push", "email"], "mode": "first"},
        "digest": {"channels": ["email", "live"], "mode": "escalate", "after_minutes": 60},
    },
    "caps": {"statistics": {"letters": 2, "days": 7}},
}


def seed_demo() -> None:
    """What the demo data builds on (`demo.py`). Raises: UnavailableError (retryable)."""
    seed_people()
    seed_site()


def seed_site() -> None:
    """Routes and caps, where nobody has set any; before the first letter, because a worker that has sent one knows the
    settings for a while. Raises: UnavailableError (retryable)."""
    for name, value in SITE.items():
        if stage().site_settings.get(name).version == 0:
            stage().site_settings.put(name, value, by="make run")


def seed_people() -> None:
    """Adds the demo people who are not there; whoever was changed or added since stays as they are. Raises:
    UnavailableError (retryable)."""
    for person in PEOPLE:
        user = User.model_validate(person)
        try:
            stage().directory.get(user.id)
        except NotFoundError:
            stage().directory.put(user.id, UserBody(**user.model_dump(exclude_unset=True, exclude={"id"})))


def main() -> None:
    parser = argparse.ArgumentParser(description="Put the first data into the local cloud.")
    parser.add_argument("key_id")
    parser.add_argument("secret")
    parser.add_argument("manager_password")
    parser.add_argument("--demo", action="store_true")
    chosen = parser.parse_args()
    try:
        key = create_key("local", list(Scope), key_id=chosen.key_id, secret=chosen.secret)
        with suppress(ConflictError):  # from an earlier run; the password may have been changed since
            stage().managers.add(FIRST_MANAGER, roles=list(Role), by="make run", password=chosen.manager_password)
        if chosen.demo:
            seed_demo()
    except UnavailableError as error:
        sys.exit(error.detail)
    print(key)


if __name__ == "__main__":
    main()
