"""The cinema's user service for tests: a real HTTP server that answers as a test tells it."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.serving import serving

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class UserService:
    """`users` are known by id; `answer` replaces the whole answer, `silent_seconds` delay it."""

    users: dict[str, Any] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    answer: Callable[[list[str]], Answer] | None = None
    silent_seconds: float = 0
    asked: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    def reply(self, body: bytes) -> Answer:
        question = json.loads(body)
        self.asked.append(question)
        time.sleep(self.silent_seconds)
        if self.answer is not None:
            return self.answer(question["ids"])
        wanted = [one for one in question["ids"] if one not in self.missing]
        given = {
            "users": [self.users[one] for one in wanted if one in self.users],
            "unknown": [one for one in wanted if one not in self.users],
        }
        return 200, {"Content-Type": "application/json"}, json.dumps(given).encode()


@contextmanager
def running() -> Iterator[UserService]:
    """The service on a free port."""
    service = UserService()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            status, headers, body = service.reply(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # a client that did not wait

    with serving(Server(("127.0.0.1", 0), Handler)) as url:
        service.url = f"{url}/users"
        yield service
