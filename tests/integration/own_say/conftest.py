"""A stage with its API, its pages as a person's browser asks for them, and its letters with their links."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest

from chalicelib.profiles.model import UserBody
from chalicelib.stage.app import Stage
from tests.integration.api.gateway import Gateway, Reply, gateway
from tests.integration.conftest import Letters, Pump

FORM = "application/x-www-form-urlencoded"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36"
_SHARED = re.compile(r"/s/[a-z2-7]{16}\.")
_LINK = re.compile(r"https://notify\.cinema\.example(/(?:s|unsubscribe|preferences)/[^\s\"<>)]+)")


@dataclass(frozen=True)
class Person:
    """Somebody with a browser; paths may be whole addresses of the service."""

    headers: Mapping[str, str]

    def get(self, path: str, **query: str) -> Reply:
        return self._call("GET", path, query=query)

    def head(self, path: str) -> Reply:
        return self._call("HEAD", path)

    def post(self, path: str, body: bytes = b"", content_type: str = FORM) -> Reply:
        return self._call("POST", path, body, content_type=content_type)

    def _call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        content_type: str = FORM,
        query: Mapping[str, str] | None = None,
    ) -> Reply:
        headers = {**self.headers, "content-type": content_type}
        return Gateway(None).call(method, path, body, headers=headers, query=query)


@pytest.fixture
def api(stage: None) -> Gateway:
    """A service that may do everything."""
    return gateway()


@pytest.fixture
def person(stage: None) -> Person:
    """A reader with an English browser."""
    return Person({"user-agent": BROWSER, "accept-language": "en-GB,en;q=0.9"})


Register = Callable[..., None]


@pytest.fixture
def register(stage: None) -> Register:
    """Puts a user into the directory."""

    def put(user_id: str = "anna", **fields: Any) -> None:
        body = {"email": f"{user_id}@viewers.example", "name": "Anna", "locale": "en", **fields}
        Stage.own().directory.put(user_id, UserBody.model_validate(body))

    return put


def send(api: Gateway, template: str = "promo", *, to: Any = None, **fields: Any) -> str:
    """Asks for a letter; answers its notification's id."""
    promo = {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"}
    context = promo if template == "promo" else {}
    body = {"template": template, "recipients": [to or {"user_id": "anna"}], "context": context, **fields}
    answer = api.post("/v1/notifications", body)
    assert answer.status == 202, answer.text
    return str(answer.body["notifications"][0]["id"])


def outcome(api: Gateway, notification_id: str) -> tuple[str, str | None]:
    """The status of a notification with its reason."""
    told = api.get(f"/v1/notifications/{notification_id}").body
    return told["status"], told["deliveries"][0]["reason"] if told["deliveries"] else None


def links_in(letter: Mapping[str, Any]) -> dict[str, str]:
    """The paths of the reader's own links in a letter: `s`, `unsubscribe`, `preferences`."""
    found = [path for path in _LINK.findall(unescape(letter["body"])) if not _SHARED.match(path)]
    return {path.split("/")[1]: path for path in found}


@pytest.fixture
def links_of_next(pump: Pump, letters: Letters) -> Callable[[], dict[str, str]]:
    """Works everything off, and gives the links of the newest letter."""

    def look() -> dict[str, str]:
        assert pump.run() == []
        return links_in(letters()[-1])

    return look
