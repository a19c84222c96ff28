"""One request and its whole answer, until a deadline: whatever the name server, the handshake or a server that drips
byte after byte does. A timeout of `requests` is one between two bytes; so the request is made beside its caller, who
leaves at the deadline and cuts the line.
"""

import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from threading import Thread
from typing import Any, NamedTuple

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from .errors import RefusedError, UnavailableError

_LARGEST_ANSWER_BYTES = 32 * 1024 * 1024
_PIECE_BYTES = 64 * 1024
# The address or a header is such that nothing can be sent.
_WRONG = (
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidHeader,
    UnicodeError,
)


class Asked(NamedTuple):
    """One request."""

    method: str
    url: str
    body: bytes | None
    query: Mapping[str, str]
    headers: Mapping[str, str]


class Answer(NamedTuple):
    """What came back, whole. Names of headers are in lower case."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """The connections to one service."""

    def __init__(self) -> None:
        self._line = _Line()

    def ask(self, asked: Asked, *, deadline: float) -> Answer:
        """The answer, before the `deadline` (of `time.monotonic`). Raises: RefusedError (permanent: nothing can be
        sent), UnavailableError (retryable: no answer, or not a whole one)."""
        line, came = self._line, list[Answer | Exception]()
        worker = Thread(target=lambda: came.append(line.ask(asked, deadline=deadline)), daemon=True)
        worker.start()
        worker.join(max(0.0, deadline - time.monotonic()))
        if not came:
            self._line = _Line()
            line.cut()
            raise UnavailableError("no answer within the deadline")
        if isinstance(came[0], _WRONG):
            raise RefusedError(f"this cannot be sent ({type(came[0]).__name__})") from came[0]
        if isinstance(came[0], Exception):
            # Only the class: the message may quote the address, and an address may hold a person's.
            raise UnavailableError(f"no reply ({type(came[0]).__name__})") from came[0]
        return came[0]


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """`requests` would put a password of ~/.netrc in the place of the key."""
    return request


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: a redirect is read like any answer, and whatever it names is not looked at."""


class _Line:
    """A session, whose connections can be cut from beside."""

    def __init__(self) -> None:
        self._connections: list[HTTPConnection] = []
        self._session = _Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _Adapter(self._connections))

    def ask(self, asked: Asked, *, deadline: float) -> Answer | Exception:
        try:
            return self._ask(asked, deadline)
        except Exception as error:  # whatever it is, the caller is told in one of two ways
            return error

    def cut(self) -> None:
        for connection in list(self._connections):
            with suppress(OSError, AttributeError):  # it is closed, or was never open
                connection.sock.shutdown(socket.SHUT_RDWR)
        self._session.close()

    def _ask(self, asked: Asked, deadline: float) -> Answer:
        left = max(0.001, deadline - time.monotonic())
        with self._session.request(
            asked.method,
            asked.url,
            data=asked.body,
            params=dict(asked.query),
            headers=dict(asked.headers),
            auth=_as_it_is,
            timeout=left,
            allow_redirects=False,
            stream=True,
        ) as response:
            body = bytearray()
            for piece in response.iter_content(_PIECE_BYTES):
                body += piece
                if len(body) > _LARGEST_ANSWER_BYTES or time.monotonic() > deadline:
                    raise requests.exceptions.ReadTimeout
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, response.reason or "", headers, bytes(body))


class _Adapter(HTTPAdapter):
    """Notes each connection it makes."""

    def __init__(self, made: list[HTTPConnection]) -> None:
        self._made = made
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager: urllib3.PoolManager
        made = self._made

        def noted(kind: type[HTTPConnection]) -> type[HTTPConnection]:
            def connect(connection: HTTPConnection) -> None:
                made[:] = [one for one in made if one.sock is not None]
                made.append(connection)
                kind.connect(connection)

            return type(kind.__name__, (kind,), {"connect": connect})

        self.poolmanager.pool_classes_by_scheme = {
            "http": type("_Pool", (HTTPConnectionPool,), {"ConnectionCls": noted(HTTPConnection)}),
            "https": type("_Pool", (HTTPSConnectionPool,), {"ConnectionCls": noted(HTTPSConnection)}),
        }
