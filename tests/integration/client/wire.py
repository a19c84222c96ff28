"""A line between the client and the API that does to replies what lines do: loses, delays, drips, cuts, redirects, and
answers pages of its own. The API has done its work by then."""

import http.client
import socket
import socketserver
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.parser import BytesParser

from tests.serving import serving

Fault = Callable[[socket.socket, bytes], None]  # what becomes of one whole reply


def passed(line: socket.socket, reply: bytes) -> None:
    line.sendall(reply)


def lost(line: socket.socket, reply: bytes) -> None:
    """The connection ends without a word."""


def cut(line: socket.socket, reply: bytes) -> None:
    """The last bytes do not come."""
    line.sendall(reply[:-5])


def dripping(seconds: float) -> Fault:
    """A byte at a time, head and body."""

    def drip(line: socket.socket, reply: bytes) -> None:
        with suppress(OSError):  # the client has left
            for place in range(len(reply)):
                line.sendall(reply[place : place + 1])
                time.sleep(seconds)

    return drip


def late(seconds: float) -> Fault:
    def wait(line: socket.socket, reply: bytes) -> None:
        time.sleep(seconds)
        with suppress(OSError):
            line.sendall(reply)

    return wait


def instead(status: str, body: bytes = b"", *headers: str) -> Fault:
    """Another answer, of something in between."""

    def answer(line: socket.socket, reply: bytes) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
        line.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    return answer


class Line:
    """The faults to come, one a request; then all is well. `seen` are the requests that arrived."""

    def __init__(self, upstream: int) -> None:
        self.faults: list[Fault] = []
        self.always: Fault = passed
        self.seen: list[str] = []
        self._upstream = upstream

    def carry(self, line: socket.socket) -> None:
        """One request there and its reply back."""
        stream = line.makefile("rb")
        first = stream.readline().decode()
        head = b"".join(iter(stream.readline, b"\r\n"))
        headers = BytesParser().parsebytes(head)
        body = stream.read(int(headers.get("Content-Length") or 0))
        method, path, _ = first.split(" ", 2)
        self.seen.append(f"{method} {path}")
        fault = self.faults.pop(0) if self.faults else self.always
        api = http.client.HTTPConnection("127.0.0.1", self._upstream, timeout=60)
        api.request(method, path, body, dict(headers.items()))
        reply = api.getresponse()
        content = reply.read()
        kept = [f"{name}: {value}" for name, value in reply.getheaders() if name.lower() not in _OURS]
        top = [f"HTTP/1.1 {reply.status} {reply.reason}", *kept, f"Content-Length: {len(content)}", "Connection: close"]
        fault(line, "\r\n".join(top).encode("latin-1") + b"\r\n\r\n" + content)


_OURS = {"content-length", "connection", "transfer-encoding"}


@contextmanager
def between(upstream: int) -> Iterator[tuple[Line, str]]:
    """A line to the port `upstream` of this machine, and its address."""
    line = Line(upstream)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError, ValueError):
                line.carry(self.request)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with serving(Server(("127.0.0.1", 0), Handler)) as url:
        yield line, url
