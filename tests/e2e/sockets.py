"""Real WebSockets to the local cloud, for the end-to-end tests and the benchmark of the live side."""

import json
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from websockets.exceptions import InvalidHandshake
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.e2e.conftest import Vestnik

_SECONDS = 120  # guards against hangs; measures nothing


class Client:
    """One connection as a person at a terminal sees it."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.heard: list[str] = []

    def send(self, frame: str | bytes | Mapping[str, Any]) -> None:
        """A line, the bytes of a binary frame, or JSON."""
        self._socket.send(frame if isinstance(frame, str | bytes) else json.dumps(frame, ensure_ascii=False))

    def next(self, *, limit_seconds: float = _SECONDS) -> str:
        """The next frame. Raises: TimeoutError, websockets.ConnectionClosed."""
        frame = self._socket.recv(timeout=limit_seconds)
        self.heard.append(frame if isinstance(frame, str) else frame.decode())
        return self.heard[-1]

    def until(self, part: str, *, limit_seconds: float = _SECONDS) -> str:
        """The first frame with `part` in it; what comes before is passed over."""
        deadline = time.monotonic() + limit_seconds
        while (left := deadline - time.monotonic()) > 0:
            if part in (frame := self.next(limit_seconds=left)):
                return frame
        raise TimeoutError(part)

    def event(self, name: str) -> dict[str, Any]:
        """The next JSON event of this name."""
        while True:
            frame = json.loads(self.until(f'"event":"{name}"'))
            if frame["event"] == name:
                found: dict[str, Any] = frame
                return found

    def ask(self, frame: str | Mapping[str, Any], part: str) -> str:
        """Sends, and waits for the answer with `part` in it."""
        self.send(frame)
        return self.until(part)

    def close(self) -> None:
        self._socket.close()

    def cut(self) -> None:
        """The network is gone: no goodbye."""
        self._socket.socket.shutdown(socket.SHUT_RDWR)


@contextmanager
def guest(vestnik: Vestnik, name: str | None = None, query: str = "") -> Iterator[Client]:
    """Somebody without a ticket, greeted and, with `name`, named."""
    with _opened(f"{vestnik.cloud.ws_url}{query}") as client:
        client.until("name_needed" if "format=json" in query else "Представьтесь!")
        if name:
            client.ask(name, f"Здравствуйте, {name}!")
        yield client


@contextmanager
def user(vestnik: Vestnik, user_id: str, *, name: str | None = None) -> Iterator[Client]:
    """A user with a fresh ticket, speaking JSON; a first connection is named where `name` is given."""
    vestnik.call("PUT", f"/v1/users/{user_id}", {"name": user_id, "locale": "ru"})
    with _opened(ticket_url(vestnik, user_id) + "&format=json") as client:
        client.event("hello")
        if name:
            client.send({"action": "chat.name", "name": name})
            client.event("chat.named")
        yield client


def ticket_url(vestnik: Vestnik, user_id: str) -> str:
    """Where a user may connect, once."""
    answer = vestnik.call("POST", "/v1/live/tickets", {"user_id": user_id})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["url"])


@contextmanager
def _opened(url: str) -> Iterator[Client]:
    with connect(url, open_timeout=_SECONDS, close_timeout=5, max_size=64 * 1024) as opened:
        yield Client(opened)


def refused(url: str, *, origin: str | None = None) -> bool:
    """Whether the handshake fails."""
    try:
        with connect(url, origin=Origin(origin) if origin else None, open_timeout=_SECONDS):
            return False
    except InvalidHandshake:
        return True
