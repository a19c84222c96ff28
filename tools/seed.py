"""`make seed`: fills the running local cloud with made-up users, through its API.

python -m tools.seed --users 1000
"""

import argparse
from collections.abc import Iterator
from typing import Any

from clients.python.vestnik_client import Vestnik, VestnikError
from tools.local_cloud import local_cloud

_BATCH = 500  # what the API accepts at once
_ZONES = ("Europe/Moscow", "Europe/London", "Asia/Omsk", "America/New_York")


def users(count: int) -> Iterator[dict[str, Any]]:
    """Made-up users, the same at every call; every third speaks English."""
    for number in range(count):
        locale = "en" if number % 3 == 0 else "ru"
        yield {
            "id": f"viewer-{number:06}",
            "email": f"viewer-{number:06}@viewers.example",
            "name": f"Viewer {number}" if locale == "en" else f"Зритель {number}",
            "locale": locale,
            "timezone": _ZONES[number % len(_ZONES)],
            "attributes": {"birthday": f"19{60 + number % 40}-{1 + number % 12:02}-{1 + number % 28:02}"},
        }


def seed(vestnik: Vestnik, count: int) -> None:
    """Writes so many users to the directory; existing ones are reset."""
    everybody = list(users(count))
    for start in range(0, count, _BATCH):
        vestnik.call("POST", "/v1/users/batch", {"users": everybody[start : start + _BATCH]})


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Fill the local cloud with users.")
    parser.add_argument("--users", type=int, default=1000)
    count: int = parser.parse_args().users
    local = local_cloud()
    try:
        seed(Vestnik(local["api_url"], local["api_key"]), count)
    except VestnikError as error:
        raise SystemExit(f"seed: {error}; run it again: whoever is there stays as they are") from error
    print(f"{count} users: {local['admin_url']}/users")


if __name__ == "__main__":
    main()
